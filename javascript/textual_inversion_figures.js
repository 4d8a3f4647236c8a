// What the monitor shows of a run in figures, curves and pictures.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const MOST_PREVIEWS = 200;

    function duration(seconds) {
        if (!Number.isFinite(seconds)) return "–";
        const whole = Math.round(seconds);
        const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
        const two = (n) => String(n).padStart(2, "0");
        return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
    }

    const number = (value) => (Number.isFinite(value) ? ti.chart.short(value) : "–");

    // Figures that an evaluation may tell besides the loss, in a person's words.
    const EVALUATED = {
        gain: [
            "Gain over the word",
            (value) => `${Math.round(value * 100)} %`,
            "How much of the loss that the initial words leave is gone. Below 0: worse than those words.",
        ],
        drift: [
            "Drift of the rest",
            number,
            "How far the words around the embedding have moved from their meaning: the less, the better it can be " +
                "combined with others.",
        ],
    };

    // Rows of a name, a value and perhaps a help.
    ti.runFigures = (run, story) => {
        const event = story.newest || {};
        const step = (value, before = "") => (Number.isFinite(value) ? `${before}${value}` : "–");
        return [
            ["Step", `${run.step} / ${run.total_steps || "?"}`],
            ["Time left", run.state === "running" ? duration(run.eta_seconds) : "–"],
            ["Loss", number(event.smooth_loss)],
            ["Fixed batch", number(run.fixed_loss)],
            ["Best step", step(run.best_step)],
            ["In use", step(run.used_step, "step ")],
            ["Rate", number(event.learn_rate)],
            ["Norm", number(event.vector_norm)],
            ...Object.entries(story.figures).map(([name, value]) => {
                const [label, show, help] = EVALUATED[name] || [name.replace(/_/g, " "), number];
                return [label, show(value), help];
            }),
            ["Seconds a step", number(event.seconds)],
        ];
    };

    // The curves, each a row of one table: its name, its title, and its lines from the events of steps and evaluations.
    const of = (key) => (steps) => steps.map((event) => [event.step, event[key]]);
    const CHARTS = [
        [
            "losses",
            "Loss: smoothed (line), each step (faint), fixed batch (dots)",
            ({steps, fixed}) => [
                {name: "loss", points: of("loss")(steps), faint: true},
                {name: "smooth", points: of("smooth_loss")(steps)},
                {name: "fixed", points: of("loss")(fixed), dots: true},
            ],
        ],
        ["rates", "Learning rate", ({steps}) => [{name: "rate", points: of("learn_rate")(steps)}]],
        ["norms", "Vector norm (1: the model's own)", ({steps}) => [{name: "norm", points: of("vector_norm")(steps)}]],
        [
            "gradients",
            "Gradient norm",
            ({steps}) => [{name: "gradient", points: of("gradient_norm")(steps), faint: true}],
        ],
    ];

    ti.RunCharts = class {
        constructor() {
            this.drawn = CHARTS.map(([name, title, lines]) => {
                const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
                svg.setAttribute("role", "img");
                svg.setAttribute("aria-label", title);
                return {name, title, lines, svg};
            });
            this.node = ti.make(
                "div",
                {class: "ti-charts"},
                ...this.drawn.map(({name, title, svg}) =>
                    ti.make("figure", {class: `ti-chart ti-chart-${name}`}, ti.make("figcaption", {text: title}), svg),
                ),
            );
        }

        draw(story) {
            const {steps, fixed, first} = story;
            this.node.hidden = !steps.length && !fixed.length;
            if (this.node.hidden) return;
            const ends = [steps.at(-1), fixed.at(-1)].filter(Boolean).map((event) => event.step);
            const reach = {first, last: Math.max(first + 1, ...ends)};
            for (const {svg, lines} of this.drawn) ti.chart.draw(svg, lines(story), reach);
        }
    };

    // A strip of previews, and one of them large with its parameters. chosen(step): a person looks at this one.
    ti.Previews = class {
        constructor(root, chosen) {
            Object.assign(this, {root, chosen});
            this.strip = ti.make("div", {class: "ti-strip"});
            this.large = ti.make("div", {class: "ti-large"});
            this.node = ti.make("div", {class: "ti-previews"}, this.strip, this.large);
        }

        clear() {
            Object.assign(this, {shown: 0, cuts: 0});
            this.strip.replaceChildren();
            this.large.replaceChildren();
        }

        draw(story, run) {
            if (this.cuts !== story.cuts) {
                Object.assign(this, {cuts: story.cuts, shown: 0});
                this.strip.replaceChildren();
            }
            const fresh = story.previews.filter((event) => event.number > this.shown);
            for (const event of fresh) {
                this.strip.append(this.preview(event, ti.address(this.root, `runs/${run}/pictures/${event.number}`)));
                this.shown = event.number;
            }
            while (this.strip.children.length > MOST_PREVIEWS) this.strip.firstChild.remove();
            if (fresh.length) this.strip.scrollLeft = this.strip.scrollWidth;
        }

        preview(event, source) {
            const image = ti.make("img", {src: source, alt: "", title: event.infotext, loading: "lazy"});
            const caption = ti.make("span", {text: `step ${event.step}`});
            const onclick = () => this.enlarge(event, source);
            return ti.make("button", {type: "button", class: "ti-preview", onclick}, image, caption);
        }

        enlarge(event, source) {
            this.chosen(event.step);
            const same = this.large.dataset.number === String(event.number) && this.large.children.length;
            this.large.dataset.number = event.number;
            const image = ti.make("img", {src: source, alt: `Preview at step ${event.step}`});
            this.large.replaceChildren(...(same ? [] : [image, ti.make("pre", {text: event.infotext})]));
        }
    };
});
