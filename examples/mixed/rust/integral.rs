//! Integrals of x^n over 0..1 for n below 64: a Gauss rule over 4096 panels, one function for each n.
//! The functions are spread over eight modules so that rustc has eight units to compile at once.

/// Nodes and weights of the three-point Gauss rule on -1..1.
const RULE: [(f64, f64); 3] = [
    (-0.774_596_669_241_483_4, 0.555_555_555_555_555_6),
    (0.0, 0.888_888_888_888_888_8),
    (0.774_596_669_241_483_4, 0.555_555_555_555_555_6),
];

#[inline(always)]
fn power<const N: u32>(x: f64) -> f64 {
    let mut product = 1.0;
    let mut i = 0;
    while i < N {
        product *= x;
        i += 1;
    }
    product
}

#[inline(always)]
fn panel<const N: u32>(from: f64, to: f64) -> f64 {
    let (half, middle) = ((to - from) / 2.0, (to + from) / 2.0);
    RULE.iter().map(|(node, weight)| weight * power::<N>(middle + half * node)).sum::<f64>() * half
}

/// The sum of a function over the numbers listed, written out.
macro_rules! sum_over {
    ($function:expr; $($number:literal)*) => { 0.0 $(+ $function($number))* };
}

#[inline(always)]
fn panels<const N: u32>(count: u32) -> f64 {
    let edge = |i: u32| f64::from(i) / f64::from(count);
    let mut sum = 0.0;
    for first in (0..count).step_by(16) {
        let nth = |k: u32| panel::<N>(edge(first + k), edge(first + k + 1));
        sum += sum_over!(nth; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
    sum
}

macro_rules! powers {
    ($module:ident: $($n:literal)*) => {
        mod $module {
            pub fn of_power(degree: u32) -> Option<f64> {
                match degree {
                    $($n => Some(super::panels::<$n>(4096)),)*
                    _ => None,
                }
            }
        }
    };
}

powers!(eight_0: 0 1 2 3 4 5 6 7);
powers!(eight_1: 8 9 10 11 12 13 14 15);
powers!(eight_2: 16 17 18 19 20 21 22 23);
powers!(eight_3: 24 25 26 27 28 29 30 31);
powers!(eight_4: 32 33 34 35 36 37 38 39);
powers!(eight_5: 40 41 42 43 44 45 46 47);
powers!(eight_6: 48 49 50 51 52 53 54 55);
powers!(eight_7: 56 57 58 59 60 61 62 63);

pub fn of_power(degree: u32) -> f64 {
    eight_0::of_power(degree)
        .or_else(|| eight_1::of_power(degree))
        .or_else(|| eight_2::of_power(degree))
        .or_else(|| eight_3::of_power(degree))
        .or_else(|| eight_4::of_power(degree))
        .or_else(|| eight_5::of_power(degree))
        .or_else(|| eight_6::of_power(degree))
        .or_else(|| eight_7::of_power(degree))
        .unwrap_or(0.0)
}
