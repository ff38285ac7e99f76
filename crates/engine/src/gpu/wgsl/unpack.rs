//! Reading packed weights: the WGSL that turns a group of four rows into floats.

use std::fmt::Write as _;

use crate::gpu::format::Format;

/// WGSL that defines the scales of a group's four rows: `sN` (scale, offset) for each row.
pub(super) fn scales(
    format: Format,
    prefix: &str,
    extra: &str,
    gi: &str,
    groups: usize,
    blocks: usize,
    block: &str,
) -> String {
    let mut out = String::new();
    let words = format.extra_words();
    let supers = blocks * groups * words;
    match format {
        Format::F32 | Format::F16 | Format::BF16 => {}
        Format::Q8 => {
            let _ = write!(
                out,
                "let {prefix}a = unpack2x16float({extra}[{gi} * 2u]); let {prefix}b = unpack2x16float({extra}[{gi} * 2u + 1u]);\n\
                 let {prefix}s0 = {prefix}a.x; let {prefix}s1 = {prefix}a.y; let {prefix}s2 = {prefix}b.x; let {prefix}s3 = {prefix}b.y;\n"
            );
        }
        Format::Q4 | Format::Q5 => {
            for r in 0..4 {
                let _ = writeln!(
                    out,
                    "let {prefix}s{r} = unpack2x16float({extra}[{gi} * {words}u + {r}u]);"
                );
            }
        }
        Format::Q4K | Format::Q5K => {
            for r in 0..4 {
                let _ = writeln!(
                    out,
                    "let {prefix}d{r} = unpack2x16float({extra}[{supers}u + ({block} * {}u + g / 8u) * 4u + {r}u]);\n\
                     let {prefix}e{r} = {extra}[{gi} * {words}u + {}u] >> {}u;\n\
                     let {prefix}s{r} = vec2<f32>({prefix}d{r}.x * f32({prefix}e{r} & 255u), -{prefix}d{r}.y * f32(({prefix}e{r} >> 8u) & 255u));",
                    groups / 8,
                    r / 2,
                    r % 2 * 16
                );
            }
        }
        Format::Q6K => {
            for r in 0..4 {
                let part = if r % 2 == 0 { "x" } else { "y" };
                let _ = writeln!(
                    out,
                    "let {prefix}s{r} = unpack2x16float({extra}[{supers}u + ({block} * {}u + g / 8u) * 2u + {}u]).{part};\n\
                     let {prefix}e{r} = bitcast<i32>({extra}[{gi} * 10u + {}u]);\n\
                     let {prefix}l{r} = f32(({prefix}e{r} << {}u) >> 24u); let {prefix}h{r} = f32(({prefix}e{r} << {}u) >> 24u);",
                    groups / 8,
                    r / 2,
                    r / 2,
                    24 - r % 2 * 16,
                    16 - r % 2 * 16
                );
            }
        }
    }
    out
}

/// WGSL that defines `w0` to `w7`, the 32 integers of row `r` of group `gi` as floats, without scale and offset.
pub(super) fn values(
    format: Format,
    prefix: &str,
    values: &str,
    extra: &str,
    gi: &str,
    r: &str,
    row: usize,
) -> String {
    let mut out = String::new();
    let words = format.extra_words();
    match format {
        Format::F32 => {
            for v in 0..8 {
                let _ = writeln!(
                    out,
                    "let w{v} = bitcast<vec4<f32>>({values}[({gi} * 4u + {r}) * 8u + {v}u]);"
                );
            }
        }
        Format::F16 | Format::BF16 => {
            for v in 0..4 {
                let _ = writeln!(out, "let p{v} = {values}[({gi} * 4u + {r}) * 4u + {v}u];");
                for (half, (a, b)) in [("x", "y"), ("z", "w")].into_iter().enumerate() {
                    let w = 2 * v + half;
                    let _ = if format == Format::F16 {
                        writeln!(
                            out,
                            "let w{w} = vec4<f32>(unpack2x16float(p{v}.{a}), unpack2x16float(p{v}.{b}));"
                        )
                    } else {
                        writeln!(
                            out,
                            "let w{w} = bitcast<vec4<f32>>(vec4<u32>(p{v}.{a} << 16u, p{v}.{a} & 0xffff0000u, p{v}.{b} << 16u, p{v}.{b} & 0xffff0000u));"
                        )
                    };
                }
            }
        }
        Format::Q8 => {
            for v in 0..2 {
                let _ = writeln!(
                    out,
                    "let p{v} = bitcast<vec4<i32>>({values}[({gi} * 4u + {r}) * 2u + {v}u]);"
                );
                for (k, c) in ["x", "y", "z", "w"].into_iter().enumerate() {
                    let w = 4 * v + k;
                    let _ = writeln!(
                        out,
                        "let w{w} = vec4<f32>(vec4<i32>(p{v}.{c} << 24u, p{v}.{c} << 16u, p{v}.{c} << 8u, p{v}.{c}) >> vec4<u32>(24u));"
                    );
                }
            }
        }
        Format::Q4 | Format::Q4K | Format::Q5 | Format::Q5K | Format::Q6K => {
            let _ = writeln!(out, "let p = {values}[{gi} * 4u + {r}];");
            let high = match format {
                Format::Q5 => {
                    let _ = writeln!(out, "let b = {extra}[{gi} * {words}u + 4u + {r}];");
                    1
                }
                Format::Q5K => {
                    let _ = writeln!(out, "let b = {extra}[{gi} * {words}u + 2u + {r}];");
                    1
                }
                Format::Q6K => {
                    let _ = writeln!(
                        out,
                        "let b = {extra}[{gi} * {words}u + 2u + 2u * {r}]; let t = {extra}[{gi} * {words}u + 3u + 2u * {r}];"
                    );
                    2
                }
                _ => 0,
            };
            // Signed integers become floats in one instruction everywhere; unsigned ones do not on every processor.
            for (k, c) in ["x", "y", "z", "w"].into_iter().enumerate() {
                for (part, shift) in [(0, 0), (1, 4)] {
                    let w = k + 4 * part;
                    let low = format!(
                        "(vec4<u32>(p.{c} >> {}u, p.{c} >> {}u, p.{c} >> {}u, p.{c} >> {}u) & vec4<u32>(15u))",
                        shift,
                        shift + 8,
                        shift + 16,
                        shift + 24
                    );
                    let _ = match high {
                        0 => writeln!(out, "let w{w} = vec4<f32>(vec4<i32>{low});"),
                        1 => {
                            let at = 4 * k + 16 * part;
                            writeln!(
                                out,
                                "let w{w} = vec4<f32>(vec4<i32>({low} | ((vec4<u32>(b >> {at}u, b >> {}u, b >> {}u, b >> {}u) & vec4<u32>(1u)) << vec4<u32>(4u))));",
                                at + 1,
                                at + 2,
                                at + 3
                            )
                        }
                        _ => {
                            let (word, at) = (if part == 0 { "b" } else { "t" }, 8 * k);
                            let scale = if part == 0 { "l" } else { "h" };
                            writeln!(
                                out,
                                "let w{w} = vec4<f32>(vec4<i32>({low} | ((vec4<u32>({word} >> {at}u, {word} >> {}u, {word} >> {}u, {word} >> {}u) & vec4<u32>(3u)) << vec4<u32>(4u))) - vec4<i32>(32)) * {prefix}{scale}{row};",
                                at + 2,
                                at + 4,
                                at + 6
                            )
                        }
                    };
                }
            }
        }
    }
    out
}

/// `acc += scale · dot + offset · sum`, as the format has it.
pub(super) fn add(
    format: Format,
    prefix: &str,
    row: usize,
    acc: &str,
    dot: &str,
    sum: &str,
) -> String {
    match format {
        Format::F32 | Format::F16 | Format::BF16 => format!("{acc} += {dot};\n"),
        Format::Q8 | Format::Q6K => format!("{acc} += {prefix}s{row} * {dot};\n"),
        Format::Q4 | Format::Q5 | Format::Q4K | Format::Q5K => {
            format!("{acc} += {prefix}s{row}.x * {dot} + {prefix}s{row}.y * {sum};\n")
        }
    }
}

/// Whether a row's integers can be multiplied as packed bytes.
pub(super) fn is_packable(format: Format) -> bool {
    !matches!(format, Format::F32 | Format::F16 | Format::BF16)
}

/// WGSL that defines `q0` to `q7`, the 32 integers of row `r` of group `gi` as signed bytes, four in a word.
pub(super) fn packed(format: Format, values: &str, extra: &str, gi: &str, r: usize) -> String {
    let mut out = String::new();
    let words = format.extra_words();
    if format == Format::Q8 {
        for v in 0..2 {
            let _ = writeln!(out, "let p{v} = {values}[({gi} * 4u + {r}u) * 2u + {v}u];");
        }
        for k in 0..8 {
            let c = ["x", "y", "z", "w"][k % 4];
            let _ = writeln!(out, "let q{k} = p{}.{c};", k / 4);
        }
        return out;
    }
    let _ = writeln!(out, "let p = {values}[{gi} * 4u + {r}u];");
    match format {
        Format::Q5 => {
            let _ = writeln!(out, "let b = {extra}[{gi} * {words}u + {}u];", 4 + r);
        }
        Format::Q5K => {
            let _ = writeln!(out, "let b = {extra}[{gi} * {words}u + {}u];", 2 + r);
        }
        Format::Q6K => {
            let _ = writeln!(
                out,
                "let b = {extra}[{gi} * {words}u + {}u]; let t = {extra}[{gi} * {words}u + {}u];",
                2 + 2 * r,
                3 + 2 * r
            );
        }
        _ => {}
    }
    for (k, c) in ["x", "y", "z", "w"].into_iter().enumerate() {
        for part in 0..2 {
            let low = format!("((p.{c} >> {}u) & 0x0f0f0f0fu)", 4 * part);
            let _ = match format {
                // Four neighbouring bits go to four bytes: the factor repeats them 7 bits apart.
                Format::Q5 | Format::Q5K => writeln!(
                    out,
                    "let q{} = {low} | (((((b >> {}u) & 15u) * 0x00204081u) & 0x01010101u) << 4u);",
                    k + 4 * part,
                    4 * k + 16 * part
                ),
                // The same with pairs of bits; 32 is taken off each byte without borrowing from the next.
                Format::Q6K => {
                    let word = if part == 0 { "b" } else { "t" };
                    writeln!(
                        out,
                        "let z{n} = ({word} >> {at}u) & 255u;\nlet q{n} = (({low} | (((z{n} | (z{n} << 6u) | (z{n} << 12u) | (z{n} << 18u)) & 0x03030303u) << 4u) | 0x80808080u) - 0x20202020u) ^ 0x80808080u;",
                        n = k + 4 * part,
                        at = 8 * k
                    )
                }
                _ => writeln!(out, "let q{} = {low};", k + 4 * part),
            };
        }
    }
    out
}
