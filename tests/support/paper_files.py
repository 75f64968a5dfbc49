"""Files of papers, good ones and others, made by the tests themselves."""

import io
import zipfile
import zlib
from collections.abc import Callable

import pypdf
from PIL import Image, ImageDraw, PngImagePlugin
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

WORDS = "动物检疫合格证明 Quarantine 2026"
SECRET = "GPS 28.2282 112.9388 taken by Zhang"


def picture(form: str = "JPEG", size: tuple[int, int] = (320, 240)) -> bytes:
    """A picture that says where and by whom it was taken."""
    drawn = Image.new("RGB", size, "white")
    ImageDraw.Draw(drawn).rectangle((10, 10, 60, 40), fill="red")
    made = io.BytesIO()
    if form == "PNG":
        tags = PngImagePlugin.PngInfo()
        tags.add_text("Comment", SECRET)
        drawn.save(made, form, pnginfo=tags)
        return made.getvalue()
    exif = Image.Exif()
    exif[0x010E] = SECRET
    # On its side, as telephones keep it.
    exif[0x0112] = 6
    if form == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    drawn.save(made, form, exif=exif)
    return made.getvalue()


def pdf(pages: int = 1, words: str = "Quarantine certificate 2026-0042") -> bytes:
    """A PDF with a text layer, in plain Latin letters that need no font of its own."""
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        page = writer.add_blank_page(300, 200)
        font = DictionaryObject({
            NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        })  # fmt: skip
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        said = pypdf.generic.DecodedStreamObject()
        said.set_data(f"BT /F1 18 Tf 20 100 Td ({words}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(said)
    writer.add_metadata({"/Author": SECRET})
    return written(writer)


def chinese_pdf(words: str = WORDS) -> bytes:
    """A PDF whose text layer is Chinese: glyphs by number, with a table of what they mean."""
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(400, 200)
    pairs = "\n".join(f"<{n:04X}> <{ord(c):04X}>" for n, c in enumerate(words, 1))
    table = pypdf.generic.DecodedStreamObject()
    table.set_data(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /T def"
        " 1 begincodespacerange <0000> <FFFF> endcodespacerange"
        f" {len(words)} beginbfchar\n{pairs}\nendbfchar endcmap end end".encode()
    )
    inner = DictionaryObject({
        NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/CIDFontType2"),
        NameObject("/BaseFont"): NameObject("/SimSun"),
        NameObject("/CIDSystemInfo"): DictionaryObject({
            NameObject("/Registry"): TextStringObject("Adobe"),
            NameObject("/Ordering"): TextStringObject("Identity"),
            NameObject("/Supplement"): pypdf.generic.NumberObject(0),
        }),
    })  # fmt: skip
    font = DictionaryObject({
        NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type0"),
        NameObject("/BaseFont"): NameObject("/SimSun"), NameObject("/Encoding"): NameObject("/Identity-H"),
        NameObject("/DescendantFonts"): pypdf.generic.ArrayObject([writer._add_object(inner)]),
        NameObject("/ToUnicode"): writer._add_object(table),
    })  # fmt: skip
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    glyphs = "".join(f"{n:04X}" for n in range(1, len(words) + 1))
    said = pypdf.generic.DecodedStreamObject()
    said.set_data(f"BT /F1 14 Tf 20 100 Td <{glyphs}> Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(said)
    return written(writer)


def written(writer: pypdf.PdfWriter) -> bytes:
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def acting(change: Callable[[pypdf.PdfWriter], None]) -> bytes:
    """A PDF that does something."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf()))
    change(writer)
    return written(writer)


def opens(action: dict[str, str]) -> bytes:
    """A PDF that acts as soon as it is opened."""

    def change(writer: pypdf.PdfWriter) -> None:
        found = {NameObject(k): NameObject(v) if v.startswith("/") else TextStringObject(v)
                 for k, v in action.items()}  # fmt: skip
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(found)

    return acting(change)


def name_a_script(writer: pypdf.PdfWriter) -> None:
    """Lets a script stand in the tree of names, as Acrobat runs them."""
    named = DictionaryObject({NameObject("/JavaScript"): DictionaryObject()})
    writer.root_object[NameObject("/Names")] = named


def locked() -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf()))
    writer.encrypt("secret", algorithm="AES-256")
    return written(writer)


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        zipped.writestr("a.html", "<script>alert(1)</script>")
    return made.getvalue()


def pixel_bomb() -> bytes:
    """Four hundred million pixels in a few kilobytes."""
    made = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(made, "PNG")
    return made.getvalue()


def stream_bomb() -> bytes:
    """A PDF whose page unfolds to a gigabyte."""
    packed = zlib.compressobj(9)
    content = b"".join([*(packed.compress(bytes(1_000_000)) for _ in range(1000)), packed.flush()])
    head = b"%PDF-1.4\n"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n" % len(content) + content + b"\nendstream",
    ]  # fmt: skip
    out, places = head, []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(
        b"%010d 00000 n \n" % at for at in places
    )
    return out + table + b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
