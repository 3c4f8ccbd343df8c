//! `flexpay-sandbox serve`: runs the gateway until it is told to stop.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use flexpay_sandbox::{
    DEFAULT_MERCHANT, DEFAULT_TOKEN, Options, Quirks, ReplyStyle, Sandbox, shell_quoted,
};

/// How the gateway is run.
#[derive(Args)]
pub(crate) struct Serve {
    /// Where plain HTTP listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8400")]
    http: SocketAddr,
    /// Where HTTPS listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    https: SocketAddr,
    /// Where ca.pem is written [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The merchant the gateway knows.
    #[arg(long, default_value = DEFAULT_MERCHANT)]
    merchant: String,
    /// That merchant's token [default: one made for tests]
    #[arg(long, default_value = DEFAULT_TOKEN, hide_default_value = true)]
    token: String,
    /// What /v1/pay answers.
    #[arg(long, value_name = "STYLE", value_parser = reply_style,
          help = "What /v1/pay answers: html, meta_refresh, self_submit or redirect")]
    reply_style: Option<ReplyStyle>,
    /// Quirks of the live gateway, such as {"stray_comma":true}
    #[arg(long, value_name = "JSON", value_parser = quirks)]
    quirks: Option<Quirks>,
    /// The base of the checkout addresses handed out [default: the one the request came in on]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Answer to this host name too, whatever the port; may be given again.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Post no callback by itself.
    #[arg(long)]
    no_callbacks: bool,
    /// Serve the test vectors of this directory.
    #[arg(long, value_name = "DIR")]
    vectors: Option<PathBuf>,
    /// When ready, write the settings as shell variables to this file; it is removed at the end.
    #[arg(long, value_name = "PATH")]
    env_file: Option<PathBuf>,
}

fn reply_style(text: &str) -> Result<ReplyStyle, serde_json::Error> {
    serde_json::from_value(text.into())
}

fn quirks(text: &str) -> Result<Quirks, serde_json::Error> {
    serde_json::from_str(text)
}

pub(crate) fn serve(args: Serve) -> Result<(), Box<dyn Error>> {
    let mut quirks = args.quirks.unwrap_or_default();
    if let Some(style) = args.reply_style {
        quirks.reply_style = style;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Before anybody can know that the gateway is up: a signal from then on ends it in good order.
    let stop = {
        let _inside = runtime.enter();
        stop_signal()?
    };
    let sandbox = Sandbox::start_with(Options {
        http: args.http,
        https: args.https,
        directory: args.directory,
        merchant: args.merchant,
        token: args.token,
        public_url: args.public_url,
        allow_hosts: args.allow_host,
        deliver_callbacks: !args.no_callbacks,
        quirks,
        vectors_dir: args.vectors,
        ..Options::default()
    })?;
    introduce(&sandbox, args.env_file.as_deref());
    // Only now that it listens: one that could not start must leave the file of the one that runs.
    let written = match &args.env_file {
        Some(path) => Some((path, write_env_file(path, &sandbox)?)),
        None => None,
    };
    runtime.block_on(stop);
    if let Some((path, text)) = written {
        remove_own(path, &text)?;
    }
    drop(sandbox);
    Ok(())
}

/// Ends when the process is asked to.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl std::future::Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ends when the process is asked to.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl std::future::Future<Output = ()>> {
    Ok(async {
        // Without a signal to wait for, the process ends when it is ended.
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn introduce(sandbox: &Sandbox, env_file: Option<&Path>) {
    let (http, https) = (sandbox.http_url(), sandbox.https_url());
    println!("FlexPay sandbox for the merchant {}", sandbox.merchant());
    println!("  dashboard      {http}/");
    println!("  payment, JSON  {http}/v1.1/pay");
    println!("  payment, form  {http}/v1/pay");
    println!("  check          {http}/api/rest/v1/check/<orderNumber>");
    println!("  over HTTPS     {https}");
    println!("  its authority  {}", sandbox.ca_file().display());
    println!("  merchant       {}", sandbox.merchant());
    let token = sandbox.public_token();
    println!(
        "  token          {}",
        token.unwrap_or("the one given with --token")
    );
    match env_file {
        Some(path) => println!("The settings for the shell:  . {}", dotted(path)),
        None => println!("The settings for each language are on the dashboard."),
    }
    println!("No money moves here. Ctrl-C ends it.");
    // Whoever reads through a pipe wants it now.
    let _ = std::io::stdout().flush();
}

/// A file as the shell's "." wants it: a name without a slash is looked for elsewhere.
fn dotted(path: &Path) -> String {
    let path = match path.components().count() {
        1 => Path::new(".").join(path),
        _ => path.to_owned(),
    };
    shell_quoted(&path.display().to_string())
}

/// Writes the settings, in one step, and gives what was written.
fn write_env_file(path: &Path, sandbox: &Sandbox) -> Result<String, Box<dyn Error>> {
    let text = format!(
        "{}\nexport SANDBOX_URL={}\nexport SANDBOX_HTTPS_URL={}\n",
        sandbox.shell_settings(),
        shell_quoted(&sandbox.http_url()),
        shell_quoted(&sandbox.https_url())
    );
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // For its owner only: it holds a token.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(text)
}

/// Removes the file, unless another sandbox has written it anew since.
fn remove_own(path: &Path, text: &str) -> std::io::Result<()> {
    match std::fs::read_to_string(path) {
        Ok(found) if found == text => std::fs::remove_file(path),
        _ => Ok(()),
    }
}
