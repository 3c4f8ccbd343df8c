//! Names are not resolved when ureq asks for it, but later: see [`DeferredResolver`].

use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Returns no addresses. ureq resolves the name even if it then reuses an idle connection. So
/// [`TcpConnector`](super::tcp::TcpConnector) resolves it, only when it opens a connection.
#[derive(Debug)]
pub(super) struct DeferredResolver;

impl Resolver for DeferredResolver {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
