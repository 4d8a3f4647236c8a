// How the page's scripts are held: classic scripts, which meet on window.textualInversion.
import js from "@eslint/js";
import globals from "globals";

export default [
    js.configs.recommended,
    {
        files: ["javascript/*.js"],
        languageOptions: {
            sourceType: "script",
            globals: {...globals.browser, opts: "readonly", applyExtraNetworkFilter: "readonly"},
        },
        rules: {
            complexity: ["error", 12],
            eqeqeq: "error",
            "max-len": ["error", {code: 120}],
            "max-lines": ["error", 350],
            "no-implicit-globals": "error",
            "no-var": "error",
            "prefer-const": "error",
            strict: ["error", "global"],
        },
    },
];
