use flexpay::{Client, PaymentRequest};

fn main() {
    let reference = std::env::args().nth(1).unwrap_or_default();
    match pay(reference) {
        Ok(address) => println!("{address}"), // for the customer
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn pay(reference: String) -> flexpay::Result<String> {
    let payment = Client::from_env()?.pay(&PaymentRequest {
        reference, // chosen by you; never use one twice
        amount: "25.50".into(),
        currency: "USD".into(),
        callback_url: Some("https://shop.example/callback".into()),
        approve_url: Some("https://shop.example/thanks".into()),
        cancel_url: Some("https://shop.example/cart".into()),
        decline_url: Some("https://shop.example/declined".into()),
        ..PaymentRequest::default()
    })?;
    Ok(payment.redirect_url.or(payment.page).unwrap_or_default())
}
