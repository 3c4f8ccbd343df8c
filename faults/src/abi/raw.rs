//! The structs and functions of `include/flexpay.h`, declared independently of the library's own code.

use std::ffi::c_char;

#[repr(C)]
pub struct RawError {
    pub code: i32,
    pub outcome: i32,
    pub http_status: i32,
    pub message: *const c_char,
    pub field: *const c_char,
    pub gateway_code: *const c_char,
    pub gateway_message: *const c_char,
    pub order_number: *const c_char,
    pub trace: *const c_char,
}

#[repr(C)]
pub struct RawConfig {
    pub size: usize,
    pub merchant: *const c_char,
    pub token: *const c_char,
    pub environment: i32,
    pub api: i32,
    pub pay_url: *const c_char,
    pub check_url: *const c_char,
    pub timeout_ms: u32,
    pub connect_timeout_ms: u32,
    pub ca_file: *const c_char,
    pub proxy: *const c_char,
    pub app_name: *const c_char,
    pub flags: u64,
    pub callback_secret: *const c_char,
    pub callback_secret_previous: *const c_char,
    pub mobile_url: *const c_char,
    pub payout_url: *const c_char,
    pub journal: *const c_char,
}

#[repr(C)]
pub struct RawRequest {
    pub size: usize,
    pub reference: *const c_char,
    pub amount: *const c_char,
    pub currency: *const c_char,
    pub description: *const c_char,
    pub callback_url: *const c_char,
    pub approve_url: *const c_char,
    pub cancel_url: *const c_char,
    pub decline_url: *const c_char,
    pub home_url: *const c_char,
    pub correlation_id: *const c_char,
}

#[repr(C)]
pub struct RawMobileRequest {
    pub size: usize,
    pub reference: *const c_char,
    pub amount: *const c_char,
    pub currency: *const c_char,
    pub phone: *const c_char,
    pub callback_url: *const c_char,
    pub description: *const c_char,
    pub approve_url: *const c_char,
    pub cancel_url: *const c_char,
    pub decline_url: *const c_char,
    pub return_url: *const c_char,
    pub correlation_id: *const c_char,
}

#[repr(C)]
pub struct RawPayoutRequest {
    pub size: usize,
    pub reference: *const c_char,
    pub amount: *const c_char,
    pub currency: *const c_char,
    pub phone: *const c_char,
    pub callback_url: *const c_char,
    pub correlation_id: *const c_char,
}

#[repr(C)]
pub struct RawPayment {
    pub redirect_url: *const c_char,
    pub order_number: *const c_char,
    pub code: *const c_char,
    pub message: *const c_char,
    pub page: *const c_char,
    pub trace: *const c_char,
    pub is_recorded: i32,
}

/// The start of a settlement: what is read here.
#[repr(C)]
pub struct RawSettlement {
    pub reference: *const c_char,
    pub kind: i32,
    pub state: i32,
}

#[repr(C)]
pub struct RawTransaction {
    pub state: i32,
    pub status: *const c_char,
    pub order_number: *const c_char,
    pub reference: *const c_char,
    pub amount: *const c_char,
    pub amount_customer: *const c_char,
    pub amount_minor: i64,
    pub amount_customer_minor: i64,
    pub currency: *const c_char,
    pub created_at: *const c_char,
    pub channel: *const c_char,
    pub code: *const c_char,
    pub message: *const c_char,
    pub raw: *const c_char,
    pub trace: *const c_char,
}

#[repr(C)]
pub struct RawWaitOptions {
    pub size: usize,
    pub timeout_ms: u32,
    pub interval_ms: u32,
    pub max_interval_ms: u32,
    pub failed_grace_ms: u32,
    pub cancel: *const (),
    pub expected: *const RawExpected,
    pub correlation_id: *const c_char,
}

#[repr(C)]
pub struct RawExpected {
    pub size: usize,
    pub reference: *const c_char,
    pub amount: *const c_char,
    pub currency: *const c_char,
    pub order_number: *const c_char,
    pub query: *const c_char,
    pub kind: i32,
    pub correlation_id: *const c_char,
}

pub enum RawClient {}

pub type ErrorOut = *mut *mut RawError;
pub type Free<T> = unsafe extern "C" fn(*mut T);

pub struct Functions {
    pub client_new: unsafe extern "C" fn(*const RawConfig, *mut *mut RawClient, ErrorOut) -> i32,
    pub client_free: Free<RawClient>,
    pub pay: unsafe extern "C" fn(
        *const RawClient,
        *const RawRequest,
        *mut *mut RawPayment,
        ErrorOut,
    ) -> i32,
    pub pay_mobile: unsafe extern "C" fn(
        *const RawClient,
        *const RawMobileRequest,
        *mut *mut RawPayment,
        ErrorOut,
    ) -> i32,
    pub payout: unsafe extern "C" fn(
        *const RawClient,
        *const RawPayoutRequest,
        *mut *mut RawPayment,
        ErrorOut,
    ) -> i32,
    pub check: unsafe extern "C" fn(
        *const RawClient,
        *const c_char,
        *mut *mut RawTransaction,
        ErrorOut,
    ) -> i32,
    pub wait: unsafe extern "C" fn(
        *const RawClient,
        *const c_char,
        *const RawWaitOptions,
        *mut *mut RawTransaction,
        ErrorOut,
    ) -> i32,
    pub verify: unsafe extern "C" fn(
        *const RawClient,
        *const u8,
        usize,
        *const RawExpected,
        *mut *mut RawTransaction,
        ErrorOut,
    ) -> i32,
    pub journal_get: unsafe extern "C" fn(
        *const RawClient,
        *const c_char,
        *mut *mut RawSettlement,
        ErrorOut,
    ) -> i32,
    pub error_free: Free<RawError>,
    pub payment_free: Free<RawPayment>,
    pub transaction_free: Free<RawTransaction>,
    pub settlement_free: Free<RawSettlement>,
}
