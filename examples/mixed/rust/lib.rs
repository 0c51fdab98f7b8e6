//! Numbers for tally: means, deviations, entropy, a line's slope, and integrals of powers.

mod integral;
mod moments;

use std::slice;

/// The slice that C hands over.
///
/// # Safety
/// `values` points to `count` doubles that outlive the call.
unsafe fn view<'a>(values: *const f64, count: usize) -> &'a [f64] {
    if count == 0 {
        &[]
    } else {
        unsafe { slice::from_raw_parts(values, count) }
    }
}

/// # Safety
/// See [`view`].
#[no_mangle]
pub unsafe extern "C" fn numbers_mean(values: *const f64, count: usize) -> f64 {
    moments::mean(unsafe { view(values, count) })
}

/// # Safety
/// See [`view`].
#[no_mangle]
pub unsafe extern "C" fn numbers_deviation(values: *const f64, count: usize) -> f64 {
    moments::deviation(unsafe { view(values, count) })
}

/// # Safety
/// See [`view`].
#[no_mangle]
pub unsafe extern "C" fn numbers_entropy(counts: *const f64, count: usize) -> f64 {
    moments::entropy(unsafe { view(counts, count) })
}

/// # Safety
/// See [`view`], for `x` and for `y`.
#[no_mangle]
pub unsafe extern "C" fn numbers_slope(x: *const f64, y: *const f64, count: usize) -> f64 {
    moments::slope(unsafe { view(x, count) }, unsafe { view(y, count) })
}

/// The integral of x^degree from 0 to 1; 0 for a degree of 64 or more.
#[no_mangle]
pub extern "C" fn numbers_integral(degree: u32) -> f64 {
    integral::of_power(degree)
}
