//! The sandbox's own CA and the certificate of its HTTPS listener.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{DEFAULT_VERSIONS, ServerConfig, SupportedProtocolVersion};

use crate::error::Error;

/// The certificate of the HTTPS listener. All are signed by the CA in `ca.pem`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// Valid for `localhost`, `127.0.0.1` and `::1`.
    #[default]
    Valid,
    /// Expired in 2001.
    Expired,
    /// Valid from 2090.
    NotYetValid,
    /// Valid only for `another-gateway.invalid`.
    WrongName,
}

/// Creates a CA, writes its certificate to `ca_file`, and returns the listener's TLS configuration.
pub(crate) fn server_config(kind: Certificate, ca_file: &Path) -> Result<ServerConfig, Error> {
    server_config_with_versions(kind, ca_file, DEFAULT_VERSIONS)
}

/// Like [`server_config`], with these TLS versions only.
pub(crate) fn server_config_with_versions(
    kind: Certificate,
    ca_file: &Path,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ServerConfig, Error> {
    let to_error = |error: rcgen::Error| Error::Certificate(error.to_string());
    let authority = authority().map_err(to_error)?;
    write_atomically(ca_file, authority.pem().as_bytes())?;
    let key = KeyPair::generate().map_err(to_error)?;
    let certificate = params(kind)
        .and_then(|params| params.signed_by(&key, &authority))
        .map_err(to_error)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
        })
        .map_err(|error| Error::Certificate(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "FlexPay sandbox, for tests only");
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2099, 12, 31);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn params(kind: Certificate) -> Result<CertificateParams, rcgen::Error> {
    let names: &[&str] = match kind {
        Certificate::WrongName => &["another-gateway.invalid"],
        _ => &["localhost", "127.0.0.1", "::1"],
    };
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "FlexPay sandbox");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (from, to) = match kind {
        Certificate::Expired => (2000, 2001),
        Certificate::NotYetValid => (2090, 2099),
        Certificate::Valid | Certificate::WrongName => (2020, 2099),
    };
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    Ok(params)
}

/// Writes a temporary file and renames it to `path`, so that no program reads a partial file.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
