//! The minimum of a smooth convex function: L-BFGS (Nocedal 1980) with a backtracking step.

use std::collections::VecDeque;

/// Steps remembered.
const MEMORY: usize = 10;
/// Steps at most.
const STEPS: usize = 2_000;
/// Halvings of a step at most: beyond them the function no longer tells two points apart.
const HALVINGS: usize = 40;
/// The share of the promised decrease that a step must keep (Armijo).
const DECREASE: f64 = 1e-4;

/// Steps whose gain together is looked at: single ones vary.
const WINDOW: usize = 10;

/// When a point is as good as the least one.
#[derive(Debug, Clone, Copy)]
pub struct Until {
    /// No entry of the gradient exceeds this.
    pub gradient: f64,
    /// Or the last ten steps together lowered the value by no more than this share of it.
    pub gain: f64,
}

/// Where `function` (value and gradient at a point; nowhere below 0) is least, from `start` on.
pub fn minimize(
    start: Vec<f64>,
    until: Until,
    function: impl Fn(&[f64]) -> (f64, Vec<f64>),
) -> Vec<f64> {
    let mut point = start;
    let (mut value, mut gradient) = function(&point);
    let mut memory: VecDeque<Update> = VecDeque::new();
    let mut values = VecDeque::from([value]);
    for _ in 0..STEPS {
        if gradient.iter().all(|entry| entry.abs() <= until.gradient) {
            break;
        }
        if values.len() > WINDOW {
            let before = values.pop_front().unwrap_or(value);
            if before - value <= until.gain * value {
                break;
            }
        }
        let mut direction = direction(&gradient, &memory);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            // Rounding spoilt what is remembered.
            memory.clear();
            direction = gradient.iter().map(|entry| -entry).collect();
            slope = -dot(&gradient, &gradient);
        }
        let first = if memory.is_empty() { 1.0 / (-slope).sqrt().max(1.0) } else { 1.0 };
        let mut step = first;
        let moved = (0..HALVINGS).find_map(|_| {
            let next: Vec<f64> = point.iter().zip(&direction).map(|(p, d)| p + step * d).collect();
            let (lower, there) = function(&next);
            let accepted = lower <= value + DECREASE * step * slope;
            step /= 2.0;
            accepted.then_some((next, lower, there))
        });
        let Some((next, lower, there)) = moved else { break };
        if let Some(update) = Update::between((&point, &gradient), (&next, &there)) {
            memory.truncate(MEMORY - 1);
            memory.push_front(update);
        }
        (point, value, gradient) = (next, lower, there);
        values.push_back(value);
    }
    point
}

/// What one step told of the curvature.
struct Update {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Their product.
    along: f64,
}

impl Update {
    fn between(from: (&[f64], &[f64]), to: (&[f64], &[f64])) -> Option<Self> {
        let less = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>();
        let (step, change) = (less(to.0, from.0), less(to.1, from.1));
        let along = dot(&step, &change);
        (along > f64::EPSILON * dot(&change, &change)).then_some(Self { step, change, along })
    }
}

/// Minus the inverse curvature, as far as it is remembered (latest first), times `gradient`.
fn direction(gradient: &[f64], memory: &VecDeque<Update>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|entry| -entry).collect();
    let mut weights = Vec::with_capacity(memory.len());
    for update in memory {
        let weight = dot(&update.step, &direction) / update.along;
        add(&mut direction, -weight, &update.change);
        weights.push(weight);
    }
    if let Some(last) = memory.front() {
        let scale = last.along / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|entry| *entry *= scale);
    }
    for (update, weight) in memory.iter().zip(weights).rev() {
        let back = dot(&update.change, &direction) / update.along;
        add(&mut direction, weight - back, &update.step);
    }
    direction
}

fn add(to: &mut [f64], weight: f64, vector: &[f64]) {
    to.iter_mut().zip(vector).for_each(|(to, value)| *to += weight * value);
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_narrow_valley_is_followed_to_its_floor() {
        // Σ i⁴ (x − i)² over i = 1…20: curvatures from 1 to 160,000.
        let function = |x: &[f64]| {
            let parts = x.iter().zip(1..).map(|(x, i)| (f64::from(i).powi(4), x - f64::from(i)));
            let value = parts.clone().map(|(weight, gap)| weight * gap * gap).sum();
            (value, parts.map(|(weight, gap)| 2.0 * weight * gap).collect())
        };
        let until = Until { gradient: 1e-8, gain: 0.0 };
        let least = minimize(vec![0.0; 20], until, function);
        assert!(least.iter().zip(1..).all(|(x, i)| (x - f64::from(i)).abs() < 1e-6), "{least:?}");
    }

    #[test]
    fn it_ends_when_ten_steps_gain_next_to_nothing() {
        // 1 + Σ |x − i|^1.5 has steep slopes up to its floor: no gradient is small on the way.
        let asked = std::cell::Cell::new(0);
        let function = |x: &[f64]| {
            asked.set(asked.get() + 1);
            let gaps = x.iter().zip(1..).map(|(x, i)| x - f64::from(i));
            let value = 1.0 + gaps.clone().map(|gap| gap.abs().powf(1.5)).sum::<f64>();
            (value, gaps.map(|gap| 1.5 * gap.signum() * gap.abs().sqrt()).collect())
        };
        let least = minimize(vec![0.0; 9], Until { gradient: 0.0, gain: 1e-5 }, function);
        assert!(least.iter().zip(1..).all(|(x, i)| (x - f64::from(i)).abs() < 1e-2), "{least:?}");
        let early = asked.replace(0);
        minimize(vec![0.0; 9], Until { gradient: 0.0, gain: 0.0 }, function);
        assert!(early < asked.get(), "{early} {}", asked.get());
    }
}
