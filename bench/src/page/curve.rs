//! How a figure depends on another one.

use super::svg::{WIDTH, dot, line, number, picture, text};

const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;

/// Lines over a logarithmic axis.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    /// The name of the file.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) across: &'static str,
    /// What each line is, and its points: the first is greater than 0.
    pub(crate) lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Curve {
    fn points(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.lines.iter().flat_map(|(_, points)| points)
    }

    pub(super) fn svg(&self) -> String {
        let across = |x: f64| x.log2();
        let least = self
            .points()
            .map(|point| across(point.0))
            .fold(f64::MAX, f64::min);
        let most = self
            .points()
            .map(|point| across(point.0))
            .fold(f64::MIN, f64::max);
        let high = self.points().map(|point| point.1).fold(0.0, f64::max);
        let width = (most - least).max(1.0);
        let x = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * (across(value) - least) / width;
        let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / high.max(1e-9);
        let mut elements = line("axis", (LEFT, y(0.0)), (WIDTH - RIGHT, y(0.0)));
        for quarter in 0..=4 {
            let value = high * f64::from(quarter) / 4.0;
            elements += &text(LEFT - 8.0, y(value) + 4.0, "end", &number(value));
            elements += &line("axis", (LEFT - 4.0, y(value)), (LEFT, y(value)));
        }
        let first = self.lines.first().map_or(&[][..], |(_, points)| points);
        for (value, _) in first {
            elements += &text(x(*value), y(0.0) + 18.0, "middle", &number(*value));
        }
        elements += &text(WIDTH / 2.0, HEIGHT - 8.0, "middle", self.across);
        for (place, (name, points)) in self.lines.iter().enumerate() {
            let points: Vec<_> = points
                .iter()
                .map(|point| (x(point.0), y(point.1)))
                .collect();
            elements += &drawn(place, name, &points);
        }
        picture(self.title, HEIGHT, &elements)
    }
}

/// A line with its points and its name above the plot.
fn drawn(place: usize, name: &str, points: &[(f64, f64)]) -> String {
    let path: Vec<_> = points
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let mut elements = format!(
        "<g class=\"c{}\">\n<polyline class=\"line\" points=\"{}\"/>\n",
        place % 4,
        path.join(" ")
    );
    for (x, y) in points {
        elements += &dot((*x, *y), 3.5);
    }
    let legend = LEFT + 210.0 * crate::rounds::count(place as u64);
    elements += &dot((legend, 14.0), 5.0);
    elements += &text(legend + 10.0, 18.0, "start", name);
    elements + "</g>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_inside_the_plot() {
        let curve = Curve {
            name: "test",
            title: "Test",
            across: "callers",
            lines: vec![(
                "one".to_owned(),
                vec![(1.0, 5.0), (16.0, 50.0), (256.0, 20.0)],
            )],
        };
        let svg = curve.svg();
        assert_eq!(svg.matches("r=\"3.5\"").count(), 3);
        assert!(
            svg.contains("points=\"70.0,246.0 385.0,30.0 700.0,174.0\""),
            "{svg}"
        );
    }
}
