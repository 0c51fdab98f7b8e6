//! Moments of a sample.

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - centre).powi(2)).collect();
    mean(&squares).sqrt()
}

/// The entropy, in bits, of a draw by these counts.
pub fn entropy(counts: &[f64]) -> f64 {
    let total: f64 = counts.iter().sum();
    let shares = counts.iter().filter(|&&count| count > 0.0).map(|count| count / total);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// The slope of the line nearest to the points.
pub fn slope(x: &[f64], y: &[f64]) -> f64 {
    let (centre_x, centre_y) = (mean(x), mean(y));
    let pairs = || x.iter().zip(y);
    let both: f64 = pairs().map(|(a, b)| (a - centre_x) * (b - centre_y)).sum();
    let square: f64 = x.iter().map(|a| (a - centre_x).powi(2)).sum();
    both / square
}
