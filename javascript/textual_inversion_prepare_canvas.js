// What a mask is painted on: a grey picture laid over another one, with a brush and a way back.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const STEPS_BACK = 20;

    const grey = (share) => {
        const value = Math.round(share * 2.55);
        return `rgb(${value},${value},${value})`;
    };

    // brush() tells its size on the screen in pixels and its grey in percent.
    ti.MaskCanvas = class {
        constructor(brush) {
            Object.assign(this, {brush, past: []});
            this.image = ti.make("img", {alt: ""});
            this.canvas = ti.make("canvas", {class: "ti-mask-canvas"});
            this.pen = this.canvas.getContext("2d", {willReadFrequently: true});
            this.node = ti.make("div", {class: "ti-stage", hidden: true}, this.image, this.canvas);
            this.listen();
        }

        // A picture, by its address, and its mask.
        async show(source, mask) {
            this.image.src = source;
            await this.image.decode();
            this.past = [];
            [this.canvas.width, this.canvas.height] = [this.image.naturalWidth, this.image.naturalHeight];
            this.draw(mask);
            this.node.hidden = false;
        }

        hide() {
            this.past = [];
            this.node.hidden = true;
        }

        // The mask as a PNG in Base64.
        get drawn() {
            return this.canvas.toDataURL("image/png").split(",")[1];
        }

        draw(mask, filter = "none") {
            this.pen.filter = filter;
            this.pen.drawImage(mask, 0, 0, this.canvas.width, this.canvas.height);
            this.pen.filter = "none";
        }

        // Another mask in place of this one, which Undo brings back.
        replace(mask, filter) {
            this.keep();
            this.draw(mask, filter);
        }

        keep() {
            this.past.push(this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height));
            if (this.past.length > STEPS_BACK) this.past.shift();
        }

        back() {
            if (this.past.length) this.pen.putImageData(this.past.pop(), 0, 0);
        }

        fill(share, operation = "source-over") {
            this.keep();
            Object.assign(this.pen, {fillStyle: grey(share), globalCompositeOperation: operation});
            this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
            this.pen.globalCompositeOperation = "source-over";
        }

        invert() {
            this.fill(100, "difference");
        }

        listen() {
            let last = null;
            this.canvas.addEventListener("pointerdown", (event) => {
                event.preventDefault();
                this.canvas.setPointerCapture(event.pointerId);
                this.keep();
                last = this.at(event);
                this.stroke(last, last);
            });
            this.canvas.addEventListener("pointermove", (event) => {
                if (!last) return;
                const here = this.at(event);
                this.stroke(last, here);
                last = here;
            });
            for (const end of ["pointerup", "pointercancel"]) {
                this.canvas.addEventListener(end, () => {
                    last = null;
                });
            }
        }

        get scale() {
            return this.canvas.width / this.canvas.getBoundingClientRect().width;
        }

        at(event) {
            const box = this.canvas.getBoundingClientRect();
            return [(event.clientX - box.left) * this.scale, (event.clientY - box.top) * this.scale];
        }

        stroke(from, to) {
            const {size, share} = this.brush();
            Object.assign(this.pen, {strokeStyle: grey(share), lineWidth: size * this.scale, lineCap: "round"});
            this.pen.beginPath();
            this.pen.moveTo(...from);
            this.pen.lineTo(to[0] + 0.01, to[1]);
            this.pen.stroke();
        }
    };

    // An image that has been read, from its address.
    ti.bitmap = (source) =>
        new Promise((done, fail) => {
            const image = new Image();
            image.onload = () => done(image);
            image.onerror = () => fail(new Error("This mask cannot be shown."));
            image.src = source;
        });
});
