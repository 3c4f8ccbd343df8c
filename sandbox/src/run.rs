//! `flexpay-sandbox serve`: runs the gateway until SIGINT or SIGTERM.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use flexpay_sandbox::{
    Balance, DEFAULT_MERCHANT, DEFAULT_TOKEN, Options, Quirks, ReplyStyle, Sandbox, shell_quoted,
};

/// The options of `serve`.
#[derive(Args)]
pub(crate) struct Serve {
    /// Listen here for plain HTTP.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8400")]
    http: SocketAddr,
    /// Listen here for HTTPS.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    https: SocketAddr,
    /// Write ca.pem to this directory [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The merchant the gateway accepts.
    #[arg(long, default_value = DEFAULT_MERCHANT)]
    merchant: String,
    /// That merchant's token [default: a token for tests]
    #[arg(long, default_value = DEFAULT_TOKEN, hide_default_value = true)]
    token: String,
    /// The form of the /v1/pay reply: html, meta_refresh, self_submit or redirect.
    #[arg(long, value_name = "STYLE", value_parser = reply_style)]
    reply_style: Option<ReplyStyle>,
    /// Quirks of the live gateway to imitate, such as {"stray_comma":true}
    #[arg(long, value_name = "JSON", value_parser = quirks)]
    quirks: Option<Quirks>,
    /// The base of the checkout URLs [default: the address the request was sent to]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Also accept this host name, with any port; can be repeated.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// How many francs the merchant has at first, such as 0 or 25000.
    #[arg(long, value_name = "AMOUNT", value_parser = amount, default_value = "10000000")]
    balance_cdf: i64,
    /// How many dollars the merchant has at first, such as 12.50
    #[arg(long, value_name = "AMOUNT", value_parser = amount, default_value = "5000")]
    balance_usd: i64,
    /// A push that is not confirmed expires after this many seconds [default: never]
    #[arg(long, value_name = "SECONDS")]
    push_expires: Option<u32>,
    /// Keep payouts pending until they are decided with the control API.
    #[arg(long)]
    hold_payouts: bool,
    /// Do not post callbacks automatically.
    #[arg(long)]
    no_callbacks: bool,
    /// Serve the test vectors in this directory.
    #[arg(long, value_name = "DIR")]
    vectors: Option<PathBuf>,
    /// When ready, write the settings as shell variables to this file; removed on exit.
    #[arg(long, value_name = "PATH")]
    env_file: Option<PathBuf>,
}

fn reply_style(text: &str) -> Result<ReplyStyle, serde_json::Error> {
    serde_json::from_value(text.into())
}

fn amount(text: &str) -> Result<i64, String> {
    Balance::parse_minor(text)
        .filter(|minor| *minor >= 0)
        .ok_or_else(|| "write an amount such as 25000 or 12.50".to_owned())
}

fn quirks(text: &str) -> Result<Quirks, serde_json::Error> {
    serde_json::from_str(text)
}

pub(crate) fn serve(args: Serve) -> Result<(), Box<dyn Error>> {
    let mut quirks = args.quirks.unwrap_or_default();
    if let Some(style) = args.reply_style {
        quirks.reply_style = style;
    }
    if let Some(seconds) = args.push_expires {
        quirks.push_expires_ms = u64::from(seconds) * 1000;
    }
    quirks.hold_payouts |= args.hold_payouts;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Before the gateway is reachable, so that any later signal ends it cleanly.
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
        balance: Balance {
            cdf_minor: args.balance_cdf,
            usd_minor: args.balance_usd,
        },
        deliver_callbacks: !args.no_callbacks,
        quirks,
        vectors_dir: args.vectors,
        ..Options::default()
    })?;
    print_addresses(&sandbox, args.env_file.as_deref());
    // Only once it listens: a sandbox that cannot start must not overwrite another one's file.
    let written = match &args.env_file {
        Some(path) => Some((path, write_env_file(path, &sandbox)?)),
        None => None,
    };
    runtime.block_on(stop);
    if let Some((path, text)) = written {
        remove_if_unchanged(path, &text)?;
    }
    drop(sandbox);
    Ok(())
}

/// Completes on SIGTERM or SIGINT.
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

/// Completes on Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl std::future::Future<Output = ()>> {
    Ok(async {
        // If Ctrl-C cannot be handled, only killing the process ends it.
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn print_addresses(sandbox: &Sandbox, env_file: Option<&Path>) {
    let (http, https) = (sandbox.http_url(), sandbox.https_url());
    println!("FlexPay sandbox for the merchant {}", sandbox.merchant());
    println!("  dashboard      {http}/");
    println!("  payment, JSON  {http}/v1.1/pay");
    println!("  payment, form  {http}/v1/pay");
    println!("  mobile money   {http}/api/rest/v1/paymentService");
    println!("  payout         {http}/api/rest/v1/merchantPayOutService");
    println!("  check          {http}/api/rest/v1/check/<orderNumber>");
    println!("  a phone        {http}/phone/243812345678");
    println!("  over HTTPS     {https}");
    println!("  CA file        {}", sandbox.ca_file().display());
    println!("  merchant       {}", sandbox.merchant());
    let token = sandbox.public_token();
    println!(
        "  token          {}",
        token.unwrap_or("as given with --token")
    );
    match env_file {
        Some(path) => println!("To load the settings in a shell:  . {}", sourceable(path)),
        None => println!("The settings for each language are on the dashboard."),
    }
    println!("No money moves here. Press Ctrl-C to stop.");
    // A reader of the pipe needs it now.
    let _ = std::io::stdout().flush();
}

/// A path for the shell's "." command, which searches `PATH` for a name without a slash.
fn sourceable(path: &Path) -> String {
    let path = match path.components().count() {
        1 => Path::new(".").join(path),
        _ => path.to_owned(),
    };
    shell_quoted(&path.display().to_string())
}

/// Writes the settings atomically and returns the text.
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
    // `NamedTempFile` is readable only by its owner: the file contains a token.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(text)
}

/// Removes the file, unless another sandbox has replaced it.
fn remove_if_unchanged(path: &Path, text: &str) -> std::io::Result<()> {
    match std::fs::read_to_string(path) {
        Ok(found) if found == text => std::fs::remove_file(path),
        _ => Ok(()),
    }
}
