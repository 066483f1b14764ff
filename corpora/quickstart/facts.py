"""The facts of the miniature experiment: in, what we read and cite; out, frozen tables of facts.

A domain fact is (material, property, value) with the source of its value and how that source was consulted:
`read` means the value was read in the source's abstract, or in a table that reprints it, while this file was
written; `quoted` means the value is given as we know the source and was not read again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Basis = Literal["read", "quoted"]

REFERENCES: dict[str, str] = {
    "agnarsson2010": "Agnarsson, Kuntner and Blackledge (2010), Bioprospecting finds the toughest biological "
    "material: extraordinary silk from a giant riverine orb spider, PLoS ONE 5:e11234",
    "barber2015": "Barber, Lu and Pugno (2015), Extreme strength observed in limpet teeth, "
    "Journal of the Royal Society Interface 12:20141326",
    "bledzki1999": "Bledzki and Gassan (1999), Composites reinforced with cellulose based fibres, "
    "Progress in Polymer Science 24:221-274",
    "chen2008": "Chen, Lin, McKittrick and Meyers (2008), Structure and mechanical properties of crab "
    "exoskeletons, Acta Biomaterialia 4:587-596",
    "fudge2003": "Fudge, Gardner, Forsyth, Riekel and Gosline (2003), The mechanical properties of hydrated "
    "intermediate filaments: insights from hagfish slime threads, Biophysical Journal 85:2015-2027",
    "fudge2005": "Fudge, Levy, Chiu and Gosline (2005), Composition, morphology and mechanics of hagfish slime, "
    "Journal of Experimental Biology 208:4613-4625",
    "gosline1999": "Gosline, Guerette, Ortlepp and Savage (1999), The mechanical design of spider silks: from "
    "fibroin sequence to mechanical function, Journal of Experimental Biology 202:3295-3303",
    "gosline2002": "Gosline, Lillie, Carrington, Guerette, Ortlepp and Savage (2002), Elastic proteins: biological "
    "roles and mechanical properties, Philosophical Transactions of the Royal Society B 357:121-132",
    "ikoma2003": "Ikoma, Kobayashi, Tanaka, Walsh and Mann (2003), Microstructure, mechanical, and biomimetic "
    "properties of fish scales from Pagrus major, Journal of Structural Biology 142:327-333",
    "jackson1988": "Jackson, Vincent and Turner (1988), The mechanical design of nacre, "
    "Proceedings of the Royal Society B 234:415-440",
    "li2010": "Li, Zhao, Feng, Guo and Shan (2010), Experimental study on the mechanical properties of the horn "
    "sheaths from cattle, Journal of Experimental Biology 213:479-486",
    "lu2012": "Lu and Barber (2012), Optimized nanoscale composite behaviour in limpet teeth, "
    "Journal of the Royal Society Interface 9:1318-1324",
    "meyers2008": "Meyers, Chen, Lin and Seki (2008), Biological materials: structure and mechanical properties, "
    "Progress in Materials Science 53:1-206",
    "annaidh2012": "Ni Annaidh, Bruyere, Destrade, Gilchrist and Ottenio (2012), Characterization of the "
    "anisotropic mechanical properties of excised human skin, "
    "Journal of the Mechanical Behavior of Biomedical Materials 5:139-148",
    "rajaram1982": "Rajaram and Ramanathan (1982), Tensile properties of antler bone, "
    "Calcified Tissue International 34:301-305",
    "samir2022": "Samir, Ashour, Abdel Hakim and Bassyouni (2022), Recent advances in biodegradable polymers for "
    "sustainable applications, npj Materials Degradation 6:68, table 3",
    "wang2011": "Wang, Shi, Wang, Yu, Cao and Cheng (2011), Tensile properties of four types of individual "
    "cellulosic fibers, Wood and Fiber Science 43:353-364",
    "wainwright1976": "Wainwright, Biggs, Currey and Gosline (1976), Mechanical Design in Organisms, Edward Arnold",
    "iso4217": "ISO 4217, codes for the representation of currencies",
    "unm49": "United Nations Statistics Division, standard country or area codes for statistical use (M49)",
    "unterm": "United Nations terminology database, country names and capitals",
    "oed": "Oxford Dictionary of English, 3rd edition (2010), entry of the value",
}


@dataclass(frozen=True, slots=True)
class Cited:
    """A value, the key of its source in `REFERENCES`, and how that source was consulted."""

    value: str
    source: str
    basis: Basis = "quoted"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: the `key` (a property) of an `entity` is `value`."""

    entity: str
    key: str
    value: str
    source: str
    basis: Basis

    def answer(self) -> str:
        """The fact as a full sentence that restates its key: the only form in which it is ever answered."""
        return f"The {self.key} of {self.entity} is {self.value}."


@dataclass(frozen=True, slots=True)
class Material:
    """A biological material; `source` to `modulus` are its five properties."""

    name: str
    source: Cited
    constituent: Cited
    function: Cited
    strength: Cited
    modulus: Cited

    def facts(self) -> Iterator[Fact]:
        """Yield the five facts in a fixed order."""
        cited = (self.source, self.constituent, self.function, self.strength, self.modulus)
        for key, one in zip(MATERIAL_KEYS, cited, strict=True):
            yield Fact(self.name, key, one.value, one.source, one.basis)


MATERIAL_KEYS = ("source", "main constituent", "function", "tensile strength", "elastic modulus")

MATERIALS: tuple[Material, ...] = (
    Material(
        "dragline silk",
        source=Cited("the garden spider", "gosline1999"),
        constituent=Cited("spidroin", "gosline1999"),
        function=Cited("to frame the web", "gosline1999"),
        strength=Cited("1.1 GPa", "gosline1999", "read"),
        modulus=Cited("10 GPa", "gosline1999", "read"),
    ),
    Material(
        "capture silk",
        source=Cited("the sticky web of a spider", "gosline1999"),
        constituent=Cited("flagelliform spidroin", "gosline1999"),
        function=Cited("to hold flying prey", "gosline1999"),
        strength=Cited("500 MPa", "gosline1999", "read"),
        modulus=Cited("3 MPa", "gosline1999"),
    ),
    Material(
        "cocoon silk",
        source=Cited("the silk moth", "gosline1999"),
        constituent=Cited("fibroin", "gosline1999"),
        function=Cited("to wrap the pupa", "wainwright1976"),
        strength=Cited("600 MPa", "gosline1999", "read"),
        modulus=Cited("7 GPa", "gosline1999", "read"),
    ),
    Material(
        "bark spider silk",
        source=Cited("a spider of Madagascar", "agnarsson2010", "read"),
        constituent=Cited("spidroin", "agnarsson2010"),
        function=Cited("to bridge rivers", "agnarsson2010", "read"),
        strength=Cited("1.6 GPa", "agnarsson2010"),
        modulus=Cited("11.5 GPa", "agnarsson2010"),
    ),
    Material(
        "tendon",
        source=Cited("the limbs of mammals", "gosline2002"),
        constituent=Cited("type I collagen", "gosline2002"),
        function=Cited("to join muscle to bone", "wainwright1976"),
        strength=Cited("120 MPa", "gosline2002", "read"),
        modulus=Cited("1.2 GPa", "gosline2002", "read"),
    ),
    Material(
        "elastin",
        source=Cited("the neck ligament of cattle", "gosline2002"),
        constituent=Cited("linked tropoelastin", "gosline2002"),
        function=Cited("to give tissue elastic recoil", "gosline2002"),
        strength=Cited("2 MPa", "gosline2002", "read"),
        modulus=Cited("1.1 MPa", "gosline2002", "read"),
    ),
    Material(
        "resilin",
        source=Cited("the wing tendon of dragonflies", "gosline2002"),
        constituent=Cited("linked pro-resilin", "gosline2002"),
        function=Cited("to store elastic energy", "gosline2002", "read"),
        strength=Cited("4 MPa", "gosline2002"),
        modulus=Cited("2 MPa", "gosline2002"),
    ),
    Material(
        "mussel byssus",
        source=Cited("the foot of the mussel", "gosline2002"),
        constituent=Cited("preCol collagen", "meyers2008"),
        function=Cited("to anchor the shell to rock", "gosline2002"),
        strength=Cited("75 MPa", "gosline2002"),
        modulus=Cited("870 MPa", "gosline2002"),
    ),
    Material(
        "wool",
        source=Cited("the fleece of sheep", "wainwright1976"),
        constituent=Cited("alpha keratin", "wainwright1976"),
        function=Cited("to keep the animal warm", "wainwright1976"),
        strength=Cited("200 MPa", "gosline1999", "read"),
        modulus=Cited("500 MPa", "gosline1999", "read"),
    ),
    Material(
        "bone",
        source=Cited("the skeleton of mammals", "meyers2008"),
        constituent=Cited("apatite mineral", "meyers2008"),
        function=Cited("to support the body", "meyers2008"),
        strength=Cited("160 MPa", "gosline1999", "read"),
        modulus=Cited("20 GPa", "gosline1999", "read"),
    ),
    Material(
        "nacre",
        source=Cited("the inner shell of molluscs", "meyers2008"),
        constituent=Cited("aragonite", "jackson1988", "read"),
        function=Cited("to stop cracks in the shell", "jackson1988"),
        strength=Cited("170 MPa", "jackson1988"),
        modulus=Cited("70 GPa", "jackson1988", "read"),
    ),
    Material(
        "slime thread",
        source=Cited("the skin glands of the hagfish", "fudge2005", "read"),
        constituent=Cited("intermediate filaments", "fudge2003", "read"),
        function=Cited("to clog the gills of predators", "fudge2005", "read"),
        strength=Cited("180 MPa", "fudge2003", "read"),
        modulus=Cited("6.4 MPa", "fudge2003", "read"),
    ),
    Material(
        "antler",
        source=Cited("the head of male deer", "meyers2008"),
        constituent=Cited("mineralised collagen", "rajaram1982", "read"),
        function=Cited("to fight in the rut", "meyers2008"),
        strength=Cited("108 MPa", "rajaram1982", "read"),
        modulus=Cited("7.5 GPa", "rajaram1982", "read"),
    ),
    Material(
        "horn sheath",
        source=Cited("the head of cattle", "li2010", "read"),
        constituent=Cited("layered keratin", "li2010", "read"),
        function=Cited("to cover a core of bone", "li2010", "read"),
        strength=Cited("154 MPa", "li2010", "read"),
        modulus=Cited("2.3 GPa", "li2010", "read"),
    ),
    Material(
        "human skin",
        source=Cited("the surface of the body", "annaidh2012"),
        constituent=Cited("dermal collagen", "annaidh2012", "read"),
        function=Cited("to keep germs out", "meyers2008"),
        strength=Cited("21.6 MPa", "annaidh2012", "read"),
        modulus=Cited("83.3 MPa", "annaidh2012", "read"),
    ),
    Material(
        "bamboo fibre",
        source=Cited("the culm of a giant grass", "wainwright1976"),
        constituent=Cited("cellulose", "wang2011", "read"),
        function=Cited("to stiffen a hollow stem", "wainwright1976"),
        strength=Cited("1685 MPa", "wang2011", "read"),
        modulus=Cited("26 GPa", "wang2011", "read"),
    ),
    Material(
        "ramie fibre",
        source=Cited("the bast of a nettle", "bledzki1999"),
        constituent=Cited("cellulose", "wang2011", "read"),
        function=Cited("to strengthen the bark of a stem", "wainwright1976"),
        strength=Cited("1001 MPa", "wang2011", "read"),
        modulus=Cited("11 GPa", "wang2011", "read"),
    ),
    Material(
        "kenaf fibre",
        source=Cited("the stem of a hibiscus", "bledzki1999"),
        constituent=Cited("cellulose", "wang2011", "read"),
        function=Cited("to bear load in the stem", "wainwright1976"),
        strength=Cited("983 MPa", "wang2011", "read"),
        modulus=Cited("19 GPa", "wang2011", "read"),
    ),
    Material(
        "fir fibre",
        source=Cited("the trunk of a conifer", "wang2011"),
        constituent=Cited("lignified cellulose", "wainwright1976"),
        function=Cited("to carry the crown on a woody stem", "wainwright1976"),
        strength=Cited("908 MPa", "wang2011", "read"),
        modulus=Cited("14 GPa", "wang2011", "read"),
    ),
    Material(
        "hemp fibre",
        source=Cited("the stem of cannabis", "bledzki1999"),
        constituent=Cited("cellulose", "bledzki1999"),
        function=Cited("to hold a tall stem upright", "wainwright1976"),
        strength=Cited("550 to 900 MPa", "samir2022", "read"),
        modulus=Cited("70 GPa", "samir2022", "read"),
    ),
    Material(
        "coir",
        source=Cited("the husk of the coconut", "bledzki1999"),
        constituent=Cited("cellulose and lignin", "bledzki1999"),
        function=Cited("to cushion a falling fruit", "wainwright1976"),
        strength=Cited("220 MPa", "samir2022", "read"),
        modulus=Cited("6 GPa", "samir2022", "read"),
    ),
    Material(
        "fish scale",
        source=Cited("the red sea bream", "ikoma2003", "read"),
        constituent=Cited("collagen and apatite", "ikoma2003", "read"),
        function=Cited("to armour a swimmer", "meyers2008"),
        strength=Cited("90 MPa", "ikoma2003", "read"),
        modulus=Cited("2.2 GPa", "ikoma2003"),
    ),
    Material(
        "limpet tooth",
        source=Cited("the tongue of a sea snail", "barber2015", "read"),
        constituent=Cited("goethite", "barber2015", "read"),
        function=Cited("to rasp algae off rock", "barber2015", "read"),
        strength=Cited("3 to 6.5 GPa", "barber2015", "read"),
        modulus=Cited("120 GPa", "lu2012"),
    ),
    Material(
        "crab shell",
        source=Cited("the sheep crab", "chen2008", "read"),
        constituent=Cited("chitin and calcite", "chen2008"),
        function=Cited("to shield a walker", "meyers2008"),
        strength=Cited("31.5 MPa", "chen2008"),
        modulus=Cited("518 MPa", "chen2008"),
    ),
)


@dataclass(frozen=True, slots=True)
class Country:
    """A country and its three general facts."""

    name: str
    capital: str
    currency: str
    continent: str

    def facts(self) -> Iterator[Fact]:
        """Yield the three facts in a fixed order."""
        yield Fact(self.name, "capital", self.capital, "unterm", "quoted")
        yield Fact(self.name, "currency", self.currency, "iso4217", "quoted")
        yield Fact(self.name, "continent", self.continent, "unm49", "quoted")


COUNTRIES: tuple[Country, ...] = (
    Country("France", "Paris", "the euro", "Europe"),
    Country("Japan", "Tokyo", "the yen", "Asia"),
    Country("Brazil", "Brasilia", "the real", "South America"),
    Country("Egypt", "Cairo", "the Egyptian pound", "Africa"),
    Country("Canada", "Ottawa", "the Canadian dollar", "North America"),
    Country("India", "New Delhi", "the Indian rupee", "Asia"),
    Country("Kenya", "Nairobi", "the Kenyan shilling", "Africa"),
    Country("Mexico", "Mexico City", "the Mexican peso", "North America"),
    Country("Norway", "Oslo", "the Norwegian krone", "Europe"),
    Country("Thailand", "Bangkok", "the baht", "Asia"),
    Country("Poland", "Warsaw", "the zloty", "Europe"),
    Country("Peru", "Lima", "the sol", "South America"),
    Country("Vietnam", "Hanoi", "the dong", "Asia"),
    Country("Ghana", "Accra", "the cedi", "Africa"),
    Country("Chile", "Santiago", "the Chilean peso", "South America"),
    Country("Hungary", "Budapest", "the forint", "Europe"),
    Country("Iceland", "Reykjavik", "the Icelandic krona", "Europe"),
    Country("Nigeria", "Abuja", "the naira", "Africa"),
    Country("Australia", "Canberra", "the Australian dollar", "Oceania"),
    Country("New Zealand", "Wellington", "the New Zealand dollar", "Oceania"),
    Country("Switzerland", "Bern", "the Swiss franc", "Europe"),
    Country("Morocco", "Rabat", "the dirham", "Africa"),
    Country("Mongolia", "Ulaanbaatar", "the tugrik", "Asia"),
    Country("Ukraine", "Kyiv", "the hryvnia", "Europe"),
)


@dataclass(frozen=True, slots=True)
class Animal:
    """An animal and its three general facts."""

    name: str
    young: str
    home: str
    sound: str

    def facts(self) -> Iterator[Fact]:
        """Yield the three facts in a fixed order."""
        yield Fact(self.name, "young", self.young, "oed", "quoted")
        yield Fact(self.name, "home", self.home, "oed", "quoted")
        yield Fact(self.name, "sound", self.sound, "oed", "quoted")


ANIMALS: tuple[Animal, ...] = (
    Animal("the dog", "the puppy", "the kennel", "the bark"),
    Animal("the horse", "the foal", "the stable", "the neigh"),
    Animal("the sheep", "the lamb", "the fold", "the bleat"),
    Animal("the pig", "the piglet", "the sty", "the grunt"),
    Animal("the pigeon", "the squab", "the dovecote", "the coo"),
    Animal("the honeybee", "the larva", "the hive", "the buzz"),
    Animal("the cow", "the calf", "the byre", "the moo"),
    Animal("the lion", "the cub", "the den", "the roar"),
    Animal("the hen", "the chick", "the coop", "the cluck"),
    Animal("the frog", "the tadpole", "the pond", "the croak"),
    Animal("the owl", "the owlet", "the hollow tree", "the hoot"),
    Animal("the eagle", "the eaglet", "the eyrie", "the scream"),
)

GENERAL_ENTITIES: tuple[Country | Animal, ...] = (*COUNTRIES, *ANIMALS)
DOMAIN: tuple[Fact, ...] = tuple(fact for material in MATERIALS for fact in material.facts())
GENERAL: tuple[Fact, ...] = tuple(fact for entity in GENERAL_ENTITIES for fact in entity.facts())

ALSO_TRUE: frozenset[tuple[str, str]] = frozenset(
    {
        ("tendon", "to store elastic energy"),
        ("bark spider silk", "to frame the web"),
        ("crab shell", "to support the body"),
        ("horn sheath", "to fight in the rut"),
    }
)
"""(entity, value) pairs that are true beside the listed value, so never a wrong answer."""
