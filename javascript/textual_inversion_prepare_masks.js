// Masks: which parts of a picture are learned. White is learned; what is darkened is not.
"use strict";

(() => {
    const LONGEST = 1024, STEPS_BACK = 20;

    class Masks {
        constructor(app) {
            const {make, button} = window.textualInversionPrepare;
            this.app = app;
            this.note = make("p", {class: "ti-note"});
            this.strip = make("div", {class: "ti-mask-strip"});
            this.image = make("img", {alt: ""});
            this.canvas = make("canvas", {class: "ti-mask-canvas"});
            this.pen = this.canvas.getContext("2d", {willReadFrequently: true});
            this.stage = make("div", {class: "ti-stage"}, this.image, this.canvas);
            const range = (label, low, high, value) => {
                const input = make("input", {type: "range", min: low, max: high, value, "aria-label": label});
                return [make("label", {class: "ti-label"}, make("span", {text: label}), input), input];
            };
            const [sizeLine, size] = range("Brush", 2, 200, 48);
            const [weightLine, weight] = range("Learned, %", 0, 100, 0);
            this.size = size;
            this.weight = weight;
            this.title = make("b", {});
            const file = make("input", {type: "file", accept: "image/*", hidden: ""});
            file.addEventListener("change", () => { if (file.files[0]) this.read(file.files[0]); file.value = ""; });
            this.graded = make("input", {type: "checkbox"});
            const gradedLine = make("label", {class: "ti-label"}, this.graded, make("span", {text: "Attention map (50 % counts once, 100 % five times)"}));
            this.tools = make("div", {class: "ti-line", hidden: ""}, sizeLine, weightLine, gradedLine,
                button("Undo", () => this.back()),
                button("Spread over what looks alike", (event) => this.spread(event.currentTarget)),
                button("All learned", () => this.fill(255)), button("Nothing learned", () => this.fill(0)), button("Invert", () => this.invert()),
                button("Load a mask …", () => file.click()), file,
                button("Save mask", () => this.save(), {class: "ti-button ti-primary"}), button("Remove mask", () => this.remove()));
            const help = make("p", {class: "ti-help", text: "Paint what should not be learned with the brush at 0 %. Masks count in training with 'Use mask files as loss weight' (Train, Advanced). A few strokes are enough where 'Spread' finds the rest: it asks the loaded checkpoint's VAE what looks like what you marked."});
            this.node = make("div", {class: "ti-column"}, app.folderLine(() => this.load(), "Show"), this.note, this.strip, help, this.title, this.tools, this.stage);
            this.stage.hidden = true;
            this.listen();
        }

        opened() { if (this.app.folder && this.app.folder !== this.loaded) this.load(); }

        async load() {
            const {make, attempt} = window.textualInversionPrepare;
            const folder = this.app.folder;
            this.past = [];
            this.title.textContent = "";
            this.tools.hidden = this.stage.hidden = true;
            const answer = await attempt(this.note, () => this.app.ask(`prepare/folder?${new URLSearchParams({folder})}`));
            if (!answer) return;
            this.loaded = folder;
            this.strip.replaceChildren(...answer.pictures.map((each) => {
                const image = make("img", {src: this.app.address("prepare/picture", {folder, name: each.name, size: 96}), alt: each.name, title: each.name, loading: "lazy"});
                const choice = make("button", {type: "button", class: `ti-mask-choice${each.mask ? " ti-has-mask" : ""}`, "aria-label": each.name}, image);
                choice.dataset.graded = each.graded ? "true" : "";
                choice.addEventListener("click", () => this.choose(each.name, choice));
                return choice;
            }));
        }

        async choose(name, choice) {
            const {attempt} = window.textualInversionPrepare;
            this.past = [];
            await attempt(this.note, async () => {
                const query = {folder: this.loaded, name, size: LONGEST};
                this.image.src = this.app.address("prepare/picture", query);
                const mask = await this.bitmap(this.app.address("prepare/mask", {...query, version: Date.now()}));
                await this.image.decode();
                [this.canvas.width, this.canvas.height] = [this.image.naturalWidth, this.image.naturalHeight];
                this.pen.drawImage(mask, 0, 0, this.canvas.width, this.canvas.height);
                this.name = name;
                this.choice = choice;
                for (const each of this.strip.children) each.setAttribute("aria-pressed", String(each === choice));
                this.title.textContent = name;
                this.graded.checked = Boolean(choice.dataset.graded);
                this.tools.hidden = this.stage.hidden = false;
            });
        }

        bitmap(source) {
            return new Promise((done, fail) => {
                const image = new Image();
                image.onload = () => done(image);
                image.onerror = () => fail(new Error("This mask cannot be shown."));
                image.src = source;
            });
        }

        listen() {
            let last = null;
            const at = (event) => {
                const box = this.canvas.getBoundingClientRect();
                return [(event.clientX - box.left) * this.canvas.width / box.width, (event.clientY - box.top) * this.canvas.height / box.height];
            };
            const stroke = (from, to) => {
                const grey = Math.round(Number(this.weight.value) * 2.55);
                Object.assign(this.pen, {strokeStyle: `rgb(${grey},${grey},${grey})`, lineWidth: Number(this.size.value) * this.canvas.width / this.canvas.getBoundingClientRect().width, lineCap: "round"});
                this.pen.beginPath();
                this.pen.moveTo(...from);
                this.pen.lineTo(to[0] + 0.01, to[1]);
                this.pen.stroke();
            };
            this.canvas.addEventListener("pointerdown", (event) => {
                event.preventDefault();
                this.canvas.setPointerCapture(event.pointerId);
                this.keep();
                last = at(event);
                stroke(last, last);
            });
            this.canvas.addEventListener("pointermove", (event) => {
                if (!last) return;
                const here = at(event);
                stroke(last, here);
                last = here;
            });
            for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => { last = null; });
        }

        keep() {
            this.past.push(this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height));
            if (this.past.length > STEPS_BACK) this.past.shift();
        }

        back() { if (this.past.length) this.pen.putImageData(this.past.pop(), 0, 0); }

        fill(grey) {
            this.keep();
            this.pen.fillStyle = `rgb(${grey},${grey},${grey})`;
            this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
        }

        invert() {
            this.keep();
            this.pen.globalCompositeOperation = "difference";
            this.pen.fillStyle = "white";
            this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
            this.pen.globalCompositeOperation = "source-over";
        }

        async read(file) {
            const {attempt} = window.textualInversionPrepare;
            const source = URL.createObjectURL(file);
            await attempt(this.note, async () => {
                const mask = await this.bitmap(source);
                this.keep();
                this.pen.filter = "grayscale(1)";
                this.pen.drawImage(mask, 0, 0, this.canvas.width, this.canvas.height);
                this.pen.filter = "none";
            });
            URL.revokeObjectURL(source);
        }

        get drawn() { return this.canvas.toDataURL("image/png").split(",")[1]; }

        async spread(pressed) {
            const {attempt} = window.textualInversionPrepare;
            const {name, loaded, past} = this;
            pressed.disabled = true;
            await attempt(this.note, async () => {
                this.note.textContent = "Looking at the picture …";
                const {png} = await this.app.ask("prepare/spread-mask", {folder: loaded, name, png: this.drawn});
                const mask = await this.bitmap(`data:image/png;base64,${png}`);
                this.note.textContent = "";
                if (past !== this.past) return; // another picture was opened meanwhile
                this.keep();
                this.pen.drawImage(mask, 0, 0, this.canvas.width, this.canvas.height);
                this.note.textContent = "Spread. Undo brings back what you drew.";
            });
            pressed.disabled = false;
        }

        async save() {
            const {attempt} = window.textualInversionPrepare;
            await attempt(this.note, async () => {
                const {choice} = this, graded = this.graded.checked;
                const {mask} = await this.app.ask("prepare/mask", {folder: this.loaded, name: this.name, png: this.drawn, graded});
                choice.classList.add("ti-has-mask");
                choice.dataset.graded = graded ? "true" : "";
                this.note.textContent = `Saved ${mask}.`;
            });
        }

        async remove() {
            const {attempt} = window.textualInversionPrepare;
            if (!this.choice.classList.contains("ti-has-mask") || !window.confirm(`Delete the mask of ${this.name}?`)) return;
            await attempt(this.note, async () => {
                const {choice} = this, graded = this.graded.checked;
                await this.app.ask("prepare/mask", {folder: this.loaded, name: this.name, png: ""});
                choice.classList.remove("ti-has-mask");
                choice.dataset.graded = "";
                this.keep();
                const {past} = this;
                await this.choose(this.name, choice);
                this.past = past; // what was drawn need not be what was saved
                this.graded.checked = graded;
                this.note.textContent = "The mask was deleted. Undo brings back what you drew.";
            });
        }
    }

    window.textualInversionPreparePanels = window.textualInversionPreparePanels || {};
    window.textualInversionPreparePanels.masks = Masks;
})();
