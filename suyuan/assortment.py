"""What a simulated market trades: products with their shelf lives, and goods without a code."""

# Product, English name, category, shelf life in days, made from (index) if a processor makes it.
CATALOGUE: tuple[tuple[str, str, str, int, tuple[int, ...]], ...] = (
    ("鲜牛奶 950 毫升", "Fresh milk 950 ml", "dairy", 15, ()),
    ("原味酸奶 200 克", "Plain yoghurt 200 g", "dairy", 21, ()),
    ("鸡蛋 30 枚", "Eggs, 30", "eggs", 45, ()),
    ("黄豆 1 千克", "Soybeans 1 kg", "grain", 365, ()),
    ("小麦粉 5 千克", "Wheat flour 5 kg", "grain", 270, ()),
    ("猪前腿肉 500 克", "Pork shoulder 500 g", "pork", 4, ()),
    ("菜籽油 1.8 升", "Rapeseed oil 1.8 l", "oil", 540, ()),
    ("老豆腐 400 克", "Firm tofu 400 g", "soy", 7, (3,)),
    ("鲜肉包 6 个", "Pork buns, 6", "bakery", 3, (4, 5)),
    ("蛋糕 300 克", "Sponge cake 300 g", "bakery", 10, (2, 4, 0)),
    ("辣椒酱 230 克", "Chilli sauce 230 g", "sauce", 365, (6, 3)),
)
# The one product of the catalogue that must come with papers.
PORK = 5
ITEMS = ("小白菜", "西红柿", "草鱼")
