// Check: what a person should know about a training folder. Advice only, nothing is forbidden.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    class Check extends ti.Panel {
        constructor(app) {
            super(app.root);
            this.app = app;
            this.form = new ti.Form(app.forms.check, {skip: ["folder"]});
            this.found = ti.make("div", {class: "ti-column"});
            this.node = ti.make(
                "div",
                {class: "ti-column"},
                app.folderLine(() => this.check(), "Check"),
                this.form.node,
                this.note,
                this.found,
            );
        }

        async check() {
            const {folder} = this.app;
            this.form.forgive();
            this.tell("Looking at the pictures …");
            this.found.replaceChildren();
            const told = await this.load(() => this.ask("prepare/check", {body: {...this.form.values(), folder}}));
            if (told) this.draw(told, folder);
        }

        refuse(error) {
            this.tell("");
            super.refuse(error, this.form);
        }

        draw({summary, problems, findings}, folder) {
            this.tell("");
            const line = (text, kind, files = []) =>
                ti.make("li", {class: `ti-finding ti-finding-${kind}`, title: files.join("\n"), text});
            const lines = [
                ...problems.map((text) => line(text, "problem")),
                ...findings.map(({message, kind, files}) => line(message, kind === "note" ? "note" : "advice", files)),
            ];
            this.found.replaceChildren(
                ti.make("p", {class: "ti-summary", text: summary}),
                lines.length
                    ? ti.make("ul", {class: "ti-report"}, ...lines)
                    : ti.make("p", {text: "Nothing stands out."}),
                ti.make(
                    "div",
                    {class: "ti-line"},
                    ti.button("Train on this folder", () => this.app.train(folder)),
                ),
            );
        }
    }

    ti.preparePanels = {...ti.preparePanels, check: Check};
});
