// Line charts as inline SVG. Text is always set as text; colours come from style.css through classes.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const SVG = "http://www.w3.org/2000/svg";
    const LEFT = 46,
        RIGHT = 8,
        TOP = 8,
        BOTTOM = 18;

    function element(name, attributes, text) {
        const node = document.createElementNS(SVG, name);
        for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
        if (text !== undefined) node.textContent = text;
        return node;
    }

    function short(value) {
        if (value === 0) return "0";
        const size = Math.abs(value);
        return size < 0.001 || size >= 100000 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
    }

    // A few round numbers that cover [low, high].
    function ticks(low, high, count) {
        const raw = (high - low) / count || 1;
        const power = 10 ** Math.floor(Math.log10(raw));
        const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999);
        const found = [];
        for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i += 1) found.push(i * step);
        return found;
    }

    // Noise of single steps must not flatten the curves: those series do not set the scale beyond their middle 96 %.
    function span(series) {
        const values = [];
        for (const one of series) {
            const own = one.points
                .map((point) => point[1])
                .filter(Number.isFinite)
                .sort((a, b) => a - b);
            const cut = one.faint ? Math.floor(own.length * 0.02) : 0;
            if (own.length) values.push(own[cut], own[own.length - 1 - cut]);
        }
        let low = Math.min(...values),
            high = Math.max(...values);
        if (!values.length) [low, high] = [0, 1];
        if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
        const margin = (high - low) * 0.06;
        return [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
    }

    function path(points, x, y, [low, high]) {
        let text = "",
            pen = "M";
        for (const [step, value] of points) {
            if (!Number.isFinite(value)) {
                pen = "M";
                continue;
            }
            text += `${pen}${x(step).toFixed(1)} ${y(Math.min(high, Math.max(low, value))).toFixed(1)}`;
            pen = "L";
        }
        return text;
    }

    // From a step and a value to the place in a drawing of this size.
    function scales({width, height, range, first, last}) {
        const reach = Math.max(1, last - first);
        return {
            x: (step) => LEFT + ((step - first) / reach) * (width - LEFT - RIGHT),
            y: (value) => TOP + ((range[1] - value) / (range[1] - range[0])) * (height - TOP - BOTTOM),
        };
    }

    function valueTicks({range, height, width}, {y}) {
        return ticks(range[0], range[1], height > 130 ? 4 : 3).flatMap((value) => {
            const at = {class: "ti-tick", x: LEFT - 5, y: y(value) + 3.5, "text-anchor": "end"};
            const line = {class: "ti-grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value)};
            return [element("line", line), element("text", at, short(value))];
        });
    }

    function stepTicks({first, last, width, height}, {x}) {
        const end = width - RIGHT;
        const shown = ticks(first, last, width > 400 ? 6 : 2).filter(
            (step) => Number.isInteger(step) && x(step) <= end + 1,
        );
        return shown.map((step) => {
            const anchor = x(step) > end - 14 ? "end" : "middle";
            return element("text", {class: "ti-tick", x: x(step), y: height - 4, "text-anchor": anchor}, String(step));
        });
    }

    function lines(one, {range}, {x, y}) {
        const dotted = one.dots || one.points.length === 1 ? one.points.slice(-60) : [];
        const dots = dotted
            .filter(([, value]) => Number.isFinite(value))
            .map(([step, value]) =>
                element("circle", {class: `ti-dot ti-${one.name}`, cx: x(step), cy: y(value), r: 2.2}),
            );
        return [element("path", {class: `ti-curve ti-${one.name}`, d: path(one.points, x, y, range)}), ...dots];
    }

    // series: [{points: [[step, value], …], name: CSS class, faint, dots}]; first and last: the ends of the axis.
    function draw(svg, series, {first, last}) {
        const [width, height] = [svg.clientWidth, svg.clientHeight];
        if (width < 80 || height < 40) return;
        const frame = {width, height, range: span(series), first, last};
        const scale = scales(frame);
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        svg.replaceChildren(
            ...valueTicks(frame, scale),
            ...stepTicks(frame, scale),
            ...series.flatMap((one) => lines(one, frame, scale)),
        );
    }

    ti.chart = {draw, short};
});
