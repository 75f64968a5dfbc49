// What reads and draws codes is another's (zxing-cpp in WebAssembly), loaded when it is needed first.

const HERE = new URL(".", import.meta.url);
let loading = null;

export function codes() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL("../vendor/zxing.js", HERE);
    script.onload = () => {
      const { prepareZXingModule } = globalThis.ZXingWASM;
      prepareZXingModule({ overrides: { locateFile: () => String(new URL("../vendor/zxing.wasm", HERE)) } });
      done(globalThis.ZXingWASM);
    };
    script.onerror = () => failed(new Error("what reads and draws codes could not be loaded"));
    document.head.append(script);
  });
  return loading;
}

// A text as a code, with its quiet zone, to be put into a page; `options` as zxing-cpp names them.
export async function drawnCode(text, format, options = "") {
  const { writeBarcode } = await codes();
  const { svg, error } = await writeBarcode(text, { format, options });
  if (error) throw new Error(error);
  const drawn = document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true);
  // Without a view box it would stay as small as it was made, whatever the page says.
  if (!drawn.hasAttribute("viewBox")) drawn.setAttribute("viewBox", `0 0 ${drawn.getAttribute("width")} ${drawn.getAttribute("height")}`);
  for (const side of ["width", "height"]) drawn.removeAttribute(side);
  return drawn;
}
