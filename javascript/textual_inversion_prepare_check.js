// Check: what a person should know about a training folder. Advice only, nothing is forbidden.
"use strict";

(() => {
    class Check {
        constructor(app) {
            const {make} = window.textualInversionPrepare;
            this.app = app;
            this.form = new window.textualInversionForm(app.forms.check, ["folder"]);
            this.note = make("p", {class: "ti-note"});
            this.found = make("div", {class: "ti-column"});
            this.node = make("div", {class: "ti-column"}, app.folderLine(() => this.check(), "Check"), this.form.node, this.note, this.found);
        }

        async check() {
            const {make, attempt} = window.textualInversionPrepare;
            this.form.forgive();
            this.found.replaceChildren(make("p", {class: "ti-note", text: "Looking at the pictures …"}));
            const answer = await attempt(this.note, async () => {
                try {
                    return await this.app.ask("prepare/check", {...this.form.values(), folder: this.app.folder});
                } catch (error) {
                    if (error.field && this.form.refuse(error.field, error.message)) return undefined;
                    throw error;
                }
            });
            this.found.replaceChildren();
            if (answer) this.draw(answer);
        }

        draw({summary, problems, findings}) {
            const {make, button} = window.textualInversionPrepare;
            const line = (text, kind, files = []) => make("li", {class: `ti-finding ti-${kind}`, title: files.join("\n"), text});
            const advice = [...problems.map((text) => line(text, "problem")), ...findings.map(({message, kind, files}) => line(message, kind === "note" ? "note" : "advice", files))];
            this.found.replaceChildren(
                make("p", {class: "ti-summary", text: summary}),
                advice.length ? make("ul", {class: "ti-report"}, ...advice) : make("p", {class: "ti-note", text: "Nothing stands out."}),
                make("div", {class: "ti-line"}, button("Train on this folder", () => this.app.train(this.app.folder))));
        }
    }

    window.textualInversionPreparePanels = window.textualInversionPreparePanels || {};
    window.textualInversionPreparePanels.check = Check;
})();
