"""The facts of the miniature experiment: in, what we read and cite; out, frozen tables of facts.

A fact is (entity, property, value) with the source of its value and how that source was consulted: `read` means
the value, or what it names, was read in the source's abstract or opening, in a table or list that reprints it, or
in a public copy of the page; `quoted` means the value is given as we know the source and was not read again.
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
    "becker2003": "Becker, Oroudjev, Mutz, Cleveland, Hansma, Hayashi, Makarov and Hansma (2003), Molecular "
    "nanosprings in spider capture-silk threads, Nature Materials 2:278-283",
    "bell1996": "Bell and Gosline (1996), Mechanical design of mussel byssus: material yield enhances attachment "
    "strength, Journal of Experimental Biology 199:1005-1017",
    "blackledge2006": "Blackledge and Hayashi (2006), Silken toolkits: biomechanics of silk fibers spun by the orb "
    "web spider Argiope argentata, Journal of Experimental Biology 209:2452-2461",
    "boneapatite2023": "Bone apatite nanocrystal: crystalline structure, chemical composition, and architecture "
    "(2023), Biomimetics 8:90",
    "bouhlel2017": "Bouhlel and others (2017), Interspecies comparison of the mechanical properties and biochemical "
    "composition of byssal threads, Journal of Experimental Biology 220:984-994",
    "burrows2011": "Burrows, Borycz, Shaw, Elvin and Meinertzhagen (2011), Antibody labelling of resilin in energy "
    "stores for jumping in plant sucking insects, PLoS ONE 6:e28456",
    "chen2008": "Chen, Lin, McKittrick and Meyers (2008), Structure and mechanical properties of crab "
    "exoskeletons, Acta Biomaterialia 4:587-596",
    "currey2009": "Currey, Landete-Castillejos, Estevez, Ceacero, Olguin, Garcia and Gallego (2009), The mechanical "
    "properties of red deer antler bone when used in fighting, Journal of Experimental Biology 212:3985-3993",
    "dinwoodie": "Dinwoodie, Structure of timber and the presence of moisture, chapter of Construction Materials, CRC "
    "Press",
    "fudge2003": "Fudge, Gardner, Forsyth, Riekel and Gosline (2003), The mechanical properties of hydrated "
    "intermediate filaments: insights from hagfish slime threads, Biophysical Journal 85:2015-2027",
    "fudge2005": "Fudge, Levy, Chiu and Gosline (2005), Composition, morphology and mechanics of hagfish slime, "
    "Journal of Experimental Biology 208:4613-4625",
    "garb2019": "Garb, Haney, Schwager, Gregoric, Kuntner, Agnarsson and Blackledge (2019), The transcriptome of "
    "Darwin's bark spider silk glands predicts proteins contributing to dragline silk toughness, Communications "
    "Biology 2:275",
    "gosline1999": "Gosline, Guerette, Ortlepp and Savage (1999), The mechanical design of spider silks: from "
    "fibroin sequence to mechanical function, Journal of Experimental Biology 202:3295-3303",
    "gosline2002": "Gosline, Lillie, Carrington, Guerette, Ortlepp and Savage (2002), Elastic proteins: biological "
    "roles and mechanical properties, Philosophical Transactions of the Royal Society B 357:121-132",
    "halvorsen2023": "Halvorsen, Wang and Zhang (2023), Contribution of elastic and collagen fibers to the mechanical "
    "behavior of bovine nuchal ligament, Annals of Biomedical Engineering 51:2204-2215",
    "henninger2013": "Henninger, Underwood, Romney, Davis and Weiss (2013), Effect of elastin digestion on the "
    "quasi-static tensile response of medial collateral ligament, Journal of Orthopaedic Research 31:1226-1233",
    "ikoma2003": "Ikoma, Kobayashi, Tanaka, Walsh and Mann (2003), Microstructure, mechanical, and biomimetic "
    "properties of fish scales from Pagrus major, Journal of Structural Biology 142:327-333",
    "jackson1988": "Jackson, Vincent and Turner (1988), The mechanical design of nacre, "
    "Proceedings of the Royal Society B 234:415-440",
    "kebede2014": "Kebede, Raina and Kabaru (2014), Structure, composition, and properties of silk from the African "
    "wild silkmoth, Anaphe panda, International Journal of Insect Science 6:9-14",
    "li2010": "Li, Zhao, Feng, Guo and Shan (2010), Experimental study on the mechanical properties of the horn "
    "sheaths from cattle, Journal of Experimental Biology 213:479-486",
    "lu2012": "Lu and Barber (2012), Optimized nanoscale composite behaviour in limpet teeth, "
    "Journal of the Royal Society Interface 9:1318-1324",
    "meyers2008": "Meyers, Chen, Lin and Seki (2008), Biological materials: structure and mechanical properties, "
    "Progress in Materials Science 53:1-206",
    "mittencrab2018": "Microstructure and mechanical properties of the dactylopodites of the Chinese mitten crab "
    "(2018), Applied Sciences 8:674",
    "annaidh2012": "Ni Annaidh, Bruyere, Destrade, Gilchrist and Ottenio (2012), Characterization of the "
    "anisotropic mechanical properties of excised human skin, "
    "Journal of the Mechanical Behavior of Biomedical Materials 5:139-148",
    "pollock1994": "Pollock and Shadwick (1994), Relationship between body mass and biomechanical properties of limb "
    "tendons in adult mammals, American Journal of Physiology 266:R1016-R1021",
    "rajaram1982": "Rajaram and Ramanathan (1982), Tensile properties of antler bone, "
    "Calcified Tissue International 34:301-305",
    "samir2022": "Samir, Ashour, Abdel Hakim and Bassyouni (2022), Recent advances in biodegradable polymers for "
    "sustainable applications, npj Materials Degradation 6:68, table 3",
    "sun2012": "Sun and Bhushan (2012), Hierarchical structure and mechanical properties of nacre: a review, RSC "
    "Advances 2:7617-7632",
    "trebacz2023": "Trebacz and Barzycka (2023), Mechanical properties and functions of elastin: an overview, "
    "Biomolecules 13:574",
    "wainwright1976": "Wainwright, Biggs, Currey and Gosline (1976), Mechanical Design in Organisms, Edward Arnold",
    "wang2011": "Wang, Shi, Wang, Yu, Cao and Cheng (2011), Tensile properties of four types of individual "
    "cellulosic fibers, Wood and Fiber Science 43:353-364",
    "zhou2020": "Zhou and Wang (2020), Structure and functions of cocoons constructed by eri silkworm, Polymers "
    "12:2701",
    "zhu2024": "Zhu and Barthelat (2024), The structure and mechanical properties of fish skin and fish scales, "
    "Encyclopedia of Fish Physiology, 499-511",
    "abdessalami": "Abdessalami, Animal idioms, list of the sounds of animals",
    "asknature": "AskNature, Biomimicry Institute, strategies of nacre (weak interfaces make material tough), of "
    "bamboo (fiber arrangement is highly efficient) and of bast (reinforced fibers provide strength)",
    "ausmuseum": "Australian Museum, Spiders toolkit, page on the silk of the orb web",
    "biologyinsights": "Biology Insights, What is a coconut husk? Its anatomy, composition, and uses",
    "biologyonline": "Biology Online, Dictionary, entry of phloem fiber",
    "bonhote1907": "Bonhote (1907), Birds of Britain, A. and C. Black, entry of the tawny owl",
    "brewer": "Brewer's Dictionary of Phrase and Fable, edited by Room, entry of the cries of animals",
    "chemicalbook": "ChemicalBook, entry of wool",
    "collins2012": "Collins English Dictionary (2012), entry of byre",
    "edgehill": "Edge Hill University, The biology of the skin",
    "eol": "Encyclopedia of Life, Mytilus californianus, article on the byssus",
    "geonames": "GeoNames, country information, as reprinted in the data package country-codes",
    "getty2024": "Getty Research Institute (2024), Art and Architecture Thesaurus, entry of hemp (fiber)",
    "hindu2026": "The Hindu (2026), Why only female Darwin's bark spiders weave the toughest webs, in a summary",
    "iso4217": "ISO 4217, codes for the representation of currencies, as reprinted in the data package currency-codes",
    "preschool": "Preschool Activities, Animal and their homes",
    "puuproffa": "Puuproffa, Cellular structure of wood",
    "studyadda": "Studyadda, Home of animals and insects",
    "textileindonesia": "Textile Indonesia, knowledge base, entry of ramie",
    "tollegno": "Tollegno 1900, What is wool made of? (page of the spinning mill)",
    "wikipedia": "Wikipedia, the free encyclopedia, entries Bamboo, Bone, Dovecote, Human skin, Kenaf, List of animal "
    "names and Tendon",
    "woolwise2017": "Woolwise (2017), teaching material on the structure of wool",
    "worldalmanac": "The World Almanac, Young of animals have special names, as reprinted by the Leon County public "
    "library (2001)",
    "wpsu": "WPSU, Virtual field trips, Shaver's Creek, page on the frog pond",
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
        source=Cited("the garden spider", "blackledge2006", "read"),
        constituent=Cited("spidroin", "garb2019", "read"),
        function=Cited("to frame the web", "garb2019", "read"),
        strength=Cited("1.1 GPa", "gosline1999", "read"),
        modulus=Cited("10 GPa", "gosline1999", "read"),
    ),
    Material(
        "capture silk",
        source=Cited("the sticky web of a spider", "becker2003", "read"),
        constituent=Cited("flagelliform spidroin", "becker2003", "read"),
        function=Cited("to hold flying prey", "ausmuseum", "read"),
        strength=Cited("500 MPa", "gosline1999", "read"),
        modulus=Cited("3 MPa", "gosline1999"),
    ),
    Material(
        "cocoon silk",
        source=Cited("the silk moth", "kebede2014", "read"),
        constituent=Cited("fibroin", "zhou2020", "read"),
        function=Cited("to wrap the pupa", "kebede2014", "read"),
        strength=Cited("600 MPa", "gosline1999", "read"),
        modulus=Cited("7 GPa", "gosline1999", "read"),
    ),
    Material(
        "bark spider silk",
        source=Cited("a spider of Madagascar", "agnarsson2010", "read"),
        constituent=Cited("spidroin", "garb2019", "read"),
        function=Cited("to bridge rivers", "agnarsson2010", "read"),
        strength=Cited("1.6 GPa", "hindu2026", "read"),
        modulus=Cited("11.5 GPa", "agnarsson2010"),
    ),
    Material(
        "tendon",
        source=Cited("the limbs of mammals", "pollock1994", "read"),
        constituent=Cited("type I collagen", "wikipedia", "read"),
        function=Cited("to join muscle to bone", "wikipedia", "read"),
        strength=Cited("120 MPa", "gosline2002", "read"),
        modulus=Cited("1.2 GPa", "gosline2002", "read"),
    ),
    Material(
        "elastin",
        source=Cited("the neck ligament of cattle", "halvorsen2023", "read"),
        constituent=Cited("linked tropoelastin", "henninger2013", "read"),
        function=Cited("to give tissue elastic recoil", "trebacz2023", "read"),
        strength=Cited("2 MPa", "gosline2002", "read"),
        modulus=Cited("1.1 MPa", "gosline2002", "read"),
    ),
    Material(
        "resilin",
        source=Cited("the wing tendon of dragonflies", "burrows2011", "read"),
        constituent=Cited("linked pro-resilin", "burrows2011", "read"),
        function=Cited("to store elastic energy", "gosline2002", "read"),
        strength=Cited("4 MPa", "gosline2002"),
        modulus=Cited("2 MPa", "gosline2002"),
    ),
    Material(
        "mussel byssus",
        source=Cited("the foot of the mussel", "bell1996", "read"),
        constituent=Cited("preCol collagen", "eol", "read"),
        function=Cited("to anchor the shell to rock", "bouhlel2017", "read"),
        strength=Cited("75 MPa", "gosline2002"),
        modulus=Cited("870 MPa", "gosline2002"),
    ),
    Material(
        "wool",
        source=Cited("the fleece of sheep", "chemicalbook", "read"),
        constituent=Cited("alpha keratin", "tollegno", "read"),
        function=Cited("to keep the animal warm", "woolwise2017", "read"),
        strength=Cited("200 MPa", "gosline1999", "read"),
        modulus=Cited("500 MPa", "gosline1999", "read"),
    ),
    Material(
        "bone",
        source=Cited("the skeleton of mammals", "wikipedia", "read"),
        constituent=Cited("apatite mineral", "boneapatite2023", "read"),
        function=Cited("to support the body", "wikipedia", "read"),
        strength=Cited("160 MPa", "gosline1999", "read"),
        modulus=Cited("20 GPa", "gosline1999", "read"),
    ),
    Material(
        "nacre",
        source=Cited("the inner shell of molluscs", "sun2012", "read"),
        constituent=Cited("aragonite", "jackson1988", "read"),
        function=Cited("to stop cracks in the shell", "asknature", "read"),
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
        source=Cited("the head of male deer", "currey2009", "read"),
        constituent=Cited("mineralised collagen", "rajaram1982", "read"),
        function=Cited("to fight in the rut", "currey2009", "read"),
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
        source=Cited("the surface of the body", "wikipedia", "read"),
        constituent=Cited("dermal collagen", "annaidh2012", "read"),
        function=Cited("to keep germs out", "edgehill", "read"),
        strength=Cited("21.6 MPa", "annaidh2012", "read"),
        modulus=Cited("83.3 MPa", "annaidh2012", "read"),
    ),
    Material(
        "bamboo fibre",
        source=Cited("the culm of a giant grass", "wikipedia", "read"),
        constituent=Cited("cellulose", "wang2011", "read"),
        function=Cited("to stiffen a hollow stem", "asknature", "read"),
        strength=Cited("1685 MPa", "wang2011", "read"),
        modulus=Cited("26 GPa", "wang2011", "read"),
    ),
    Material(
        "ramie fibre",
        source=Cited("the bast of a nettle", "textileindonesia", "read"),
        constituent=Cited("cellulose", "wang2011", "read"),
        function=Cited("to strengthen the bark of a stem", "asknature", "read"),
        strength=Cited("1001 MPa", "wang2011", "read"),
        modulus=Cited("11 GPa", "wang2011", "read"),
    ),
    Material(
        "kenaf fibre",
        source=Cited("the stem of a hibiscus", "wikipedia", "read"),
        constituent=Cited("cellulose", "wang2011", "read"),
        function=Cited("to bear load in the stem", "biologyonline", "read"),
        strength=Cited("983 MPa", "wang2011", "read"),
        modulus=Cited("19 GPa", "wang2011", "read"),
    ),
    Material(
        "fir fibre",
        source=Cited("the trunk of a conifer", "puuproffa", "read"),
        constituent=Cited("lignified cellulose", "puuproffa", "read"),
        function=Cited("to carry the crown on a woody stem", "dinwoodie", "read"),
        strength=Cited("908 MPa", "wang2011", "read"),
        modulus=Cited("14 GPa", "wang2011", "read"),
    ),
    Material(
        "hemp fibre",
        source=Cited("the stem of cannabis", "getty2024", "read"),
        constituent=Cited("cellulose", "getty2024", "read"),
        function=Cited("to hold a tall stem upright", "wainwright1976"),
        strength=Cited("550 to 900 MPa", "samir2022", "read"),
        modulus=Cited("70 GPa", "samir2022", "read"),
    ),
    Material(
        "coir",
        source=Cited("the husk of the coconut", "biologyinsights", "read"),
        constituent=Cited("cellulose and lignin", "biologyinsights", "read"),
        function=Cited("to cushion a falling fruit", "biologyinsights", "read"),
        strength=Cited("220 MPa", "samir2022", "read"),
        modulus=Cited("6 GPa", "samir2022", "read"),
    ),
    Material(
        "fish scale",
        source=Cited("the red sea bream", "ikoma2003", "read"),
        constituent=Cited("collagen and apatite", "ikoma2003", "read"),
        function=Cited("to armour a swimmer", "zhu2024", "read"),
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
        constituent=Cited("chitin and calcite", "mittencrab2018", "read"),
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
        yield Fact(self.name, "capital", self.capital, "geonames", "read")
        yield Fact(self.name, "currency", self.currency, "iso4217", "read")
        yield Fact(self.name, "continent", self.continent, "geonames", "read")


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
    young: Cited
    home: Cited
    sound: Cited

    def facts(self) -> Iterator[Fact]:
        """Yield the three facts in a fixed order."""
        cited = (self.young, self.home, self.sound)
        for key, one in zip(ANIMAL_KEYS, cited, strict=True):
            yield Fact(self.name, key, one.value, one.source, one.basis)


ANIMAL_KEYS = ("young", "home", "sound")

ANIMALS: tuple[Animal, ...] = (
    Animal(
        "the dog",
        young=Cited("the puppy", "wikipedia", "read"),
        home=Cited("the kennel", "studyadda", "read"),
        sound=Cited("the bark", "brewer", "read"),
    ),
    Animal(
        "the horse",
        young=Cited("the foal", "worldalmanac", "read"),
        home=Cited("the stable", "studyadda", "read"),
        sound=Cited("the neigh", "brewer", "read"),
    ),
    Animal(
        "the sheep",
        young=Cited("the lamb", "worldalmanac", "read"),
        home=Cited("the fold", "studyadda", "read"),
        sound=Cited("the bleat", "brewer", "read"),
    ),
    Animal(
        "the pig",
        young=Cited("the piglet", "worldalmanac", "read"),
        home=Cited("the sty", "studyadda", "read"),
        sound=Cited("the grunt", "brewer", "read"),
    ),
    Animal(
        "the pigeon",
        young=Cited("the squab", "worldalmanac", "read"),
        home=Cited("the dovecote", "wikipedia", "read"),
        sound=Cited("the coo", "brewer", "read"),
    ),
    Animal(
        "the honeybee",
        young=Cited("the larva", "wikipedia", "read"),
        home=Cited("the hive", "studyadda", "read"),
        sound=Cited("the buzz", "abdessalami", "read"),
    ),
    Animal(
        "the cow",
        young=Cited("the calf", "worldalmanac", "read"),
        home=Cited("the byre", "collins2012", "read"),
        sound=Cited("the moo", "brewer", "read"),
    ),
    Animal(
        "the lion",
        young=Cited("the cub", "worldalmanac", "read"),
        home=Cited("the den", "studyadda", "read"),
        sound=Cited("the roar", "brewer", "read"),
    ),
    Animal(
        "the hen",
        young=Cited("the chick", "worldalmanac", "read"),
        home=Cited("the coop", "studyadda", "read"),
        sound=Cited("the cluck", "brewer", "read"),
    ),
    Animal(
        "the frog",
        young=Cited("the tadpole", "worldalmanac", "read"),
        home=Cited("the pond", "wpsu", "read"),
        sound=Cited("the croak", "brewer", "read"),
    ),
    Animal(
        "the owl",
        young=Cited("the owlet", "worldalmanac", "read"),
        home=Cited("the hollow tree", "bonhote1907", "read"),
        sound=Cited("the hoot", "brewer", "read"),
    ),
    Animal(
        "the eagle",
        young=Cited("the eaglet", "worldalmanac", "read"),
        home=Cited("the eyrie", "preschool", "read"),
        sound=Cited("the scream", "brewer", "read"),
    ),
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
