import io

from PIL import Image

from songda.letters import Renderer, house_template, invented, picture


def test_pages_stand_side_by_side_and_the_picture_is_the_same_every_time() -> None:
    template = house_template("mediation")
    rendered = Renderer(template).render(invented(template))
    png = picture(rendered.pdf, dpi=40)
    image = Image.open(io.BytesIO(png))
    assert abs(image.width / image.height - rendered.pages * 210 / 297) < 0.01
    assert image.convert("L").getextrema()[0] < 80
    assert picture(rendered.pdf, dpi=40) == png
