//! The model on the CPU, plainly: what the device is measured against. Slow, and in f32 with f64 sums.
//!
//! Formulas as in `transformers`' `modeling_llama` and its relatives; rotated pairs are neighbours, as on the device.

#![allow(clippy::many_single_char_names, reason = "the names of the formulas")]

use std::collections::HashMap;

use seedbed_weights::{Activation, Part, Role, Spec};

/// Dequantized tensors by role, row by row.
pub type Tensors = HashMap<Role, Vec<f32>>;

fn product(matrix: &[f32], x: &[f32], rows: usize) -> Vec<f32> {
    (0..rows)
        .map(|row| {
            let weights = &matrix[row * x.len()..(row + 1) * x.len()];
            weights
                .iter()
                .zip(x)
                .map(|(w, x)| f64::from(*w) * f64::from(*x))
                .sum::<f64>() as f32
        })
        .collect()
}

fn normed(x: &[f32], weights: &[f32], eps: f32) -> Vec<f32> {
    let mean = x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>() / x.len() as f64;
    let factor = 1.0 / (mean + f64::from(eps)).sqrt();
    x.iter()
        .zip(weights)
        .map(|(x, w)| (f64::from(*x) * factor) as f32 * w)
        .collect()
}

fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// The scores of every position of `ids`; `None` if a tensor is missing.
pub fn score(spec: &Spec, tensors: &Tensors, ids: &[u32]) -> Option<Vec<Vec<f32>>> {
    let get = |role: Role| tensors.get(&role);
    let embedding = get(Role::Embedding)?;
    let head = if spec.tied {
        embedding
    } else {
        get(Role::Head)?
    };
    let (d, kv_heads) = (spec.head_dim, spec.kv_heads);
    let (q_rows, kv_rows) = (spec.heads * d, kv_heads * d);
    let mut keys: Vec<Vec<Vec<f32>>> = vec![Vec::new(); spec.layers.len()];
    let mut values = keys.clone();
    let mut out = Vec::with_capacity(ids.len());
    for (position, id) in ids.iter().enumerate() {
        let at = *id as usize * spec.hidden;
        let mut h: Vec<f32> = embedding
            .get(at..at + spec.hidden)?
            .iter()
            .map(|x| x * spec.embed_scale)
            .collect();
        for (index, layer) in spec.layers.iter().enumerate() {
            let part = |part| get(Role::Layer(index, part));
            let x = normed(&h, part(Part::AttnNorm)?, spec.eps);
            let project = |which: Part, bias: Part, rows: usize| -> Option<Vec<f32>> {
                let mut y = product(part(which)?, &x, rows);
                if spec.qkv_bias {
                    add(&mut y, part(bias)?);
                }
                Some(y)
            };
            let mut q = project(Part::Q, Part::QBias, q_rows)?;
            let mut k = project(Part::K, Part::KBias, kv_rows)?;
            let v = project(Part::V, Part::VBias, kv_rows)?;
            let frequencies =
                spec.inverse_frequencies(index, get(Role::RopeFactors).map(Vec::as_slice));
            let turn = |all: &mut [f32], norm: Part| -> Option<()> {
                for one in all.chunks_exact_mut(d) {
                    if spec.qk_norm {
                        one.copy_from_slice(&normed(one, part(norm)?, spec.eps));
                    }
                    if layer.rope {
                        for (pair, frequency) in one.chunks_exact_mut(2).zip(&frequencies) {
                            let (sin, cos) = f64::from(position as f32 * frequency).sin_cos();
                            let (a, b) = (f64::from(pair[0]), f64::from(pair[1]));
                            pair[0] = (a * cos - b * sin) as f32;
                            pair[1] = (b * cos + a * sin) as f32;
                        }
                    }
                }
                Some(())
            };
            turn(&mut q, Part::QNorm)?;
            turn(&mut k, Part::KNorm)?;
            keys[index].push(k);
            values[index].push(v);
            let first = layer
                .window
                .map_or(0, |window| (position + 1).saturating_sub(window));
            let mut attended = vec![0.0; q_rows];
            for (number, query) in q.chunks_exact(d).enumerate() {
                let kv = number / (spec.heads / kv_heads) * d;
                let scores: Vec<f64> = keys[index][first..=position]
                    .iter()
                    .map(|key| {
                        let dot: f64 = query
                            .iter()
                            .zip(&key[kv..kv + d])
                            .map(|(q, k)| f64::from(*q) * f64::from(*k))
                            .sum();
                        dot * f64::from(spec.attn_scale)
                    })
                    .collect();
                let top = scores.iter().copied().fold(f64::MIN, f64::max);
                let weights: Vec<f64> = scores.iter().map(|score| (score - top).exp()).collect();
                let total: f64 = weights.iter().sum();
                for (i, to) in attended[number * d..(number + 1) * d]
                    .iter_mut()
                    .enumerate()
                {
                    let sum: f64 = weights
                        .iter()
                        .zip(&values[index][first..=position])
                        .map(|(weight, value)| weight * f64::from(value[kv + i]))
                        .sum();
                    *to = (sum / total) as f32;
                }
            }
            let mut branch = product(part(Part::AttnOut)?, &attended, spec.hidden);
            if spec.post_norms {
                branch = normed(&branch, part(Part::PostAttnNorm)?, spec.eps);
            }
            add(&mut h, &branch);
            let x = normed(&h, part(Part::FfnNorm)?, spec.eps);
            let gate = product(part(Part::Gate)?, &x, spec.ffn);
            let up = product(part(Part::Up)?, &x, spec.ffn);
            let mid: Vec<f32> = gate
                .iter()
                .zip(&up)
                .map(|(gate, up)| {
                    let g = f64::from(*gate);
                    let act = match spec.activation {
                        Activation::Silu => g / (1.0 + (-g).exp()),
                        Activation::GeluTanh => {
                            0.5 * g
                                * (1.0
                                    + (0.797_884_560_802_865_4 * (g + 0.044_715 * g * g * g))
                                        .tanh())
                        }
                    };
                    (act * f64::from(*up)) as f32
                })
                .collect();
            let mut branch = product(part(Part::Down)?, &mid, spec.hidden);
            if spec.post_norms {
                branch = normed(&branch, part(Part::PostFfnNorm)?, spec.eps);
            }
            add(&mut h, &branch);
        }
        let x = normed(&h, get(Role::OutputNorm)?, spec.eps);
        out.push(product(head, &x, spec.vocab));
    }
    Some(out)
}
