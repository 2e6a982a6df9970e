//! What all plots share: an SVG without a background whose colours suit a light and a dark page.

/// The width of every plot, in pixels.
pub(super) const WIDTH: f64 = 720.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.axis{stroke:#8c959f;stroke-width:1}.whisker{stroke:#24292f}\
    .c0{--c:#0969da}.c1{--c:#bc4c00}.c2{--c:#1a7f37}.c3{--c:#8250df}.bar{fill:var(--c)}\
    .line{stroke:var(--c);fill:none;stroke-width:2}.dot{fill:var(--c)}\
    @media(prefers-color-scheme:dark){text{fill:#d1d7e0}.axis{stroke:#656c76}.whisker{stroke:#d1d7e0}\
    .c0{--c:#4493f8}.c1{--c:#db6d28}.c2{--c:#3fb950}.c3{--c:#ab7df8}}";

/// A picture of this height with these elements. `title` is what a screen reader says.
pub(super) fn picture(title: &str, height: f64, elements: &str) -> String {
    let title = escape(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{title}\">\n<title>{title}</title>\n<style>{STYLE}</style>\n{elements}</svg>\n"
    )
}

/// A text. `anchor` is start, middle or end.
pub(super) fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    let text = escape(text);
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n")
}

/// A straight line of a class.
pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    let ((x1, y1), (x2, y2)) = (from, to);
    format!(
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
    )
}

/// A rectangle of the first colour.
pub(super) fn bar(corner: (f64, f64), size: (f64, f64)) -> String {
    let ((x, y), (width, height)) = (corner, size);
    format!(
        "<rect class=\"bar c0\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>\n"
    )
}

/// A point.
pub(super) fn dot(middle: (f64, f64), radius: f64) -> String {
    let (x, y) = middle;
    format!("<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>\n")
}

/// A number as a person writes it: few digits, and commas between thousands.
pub(crate) fn number(figure: f64) -> String {
    if figure < 100.0 {
        return format!("{figure:.1}").trim_end_matches(".0").to_owned();
    }
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let numbers = [0.0, 2.0, 2.54, 99.96, 150.0, 1234.4, 1_234_567.0].map(number);
        let expected = ["0", "2", "2.5", "100", "150", "1,234", "1,234,567"];
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_text_cannot_end_its_element() {
        let element = text(0.0, 0.0, "start", "a<b & \"c\"");
        assert!(
            element.contains(">a&lt;b &amp; &quot;c&quot;</text>"),
            "{element}"
        );
    }
}
