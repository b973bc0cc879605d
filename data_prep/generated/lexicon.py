"""The invented names of the generated corpus, as a grammar of strings in the notation of `grammar.py`.

Names are composed of parts, so that most single tokens are rare, as in newswire. Surnames, towns, firms and
prizes share the same stems and endings. So the type of a token depends on the words around it.
"""

# The symbols that are entity mentions. A `firm` is recognisable as an organisation. An `org` may be only a
# surname and needs an organisation's verb or noun next to it. `person` and `surname` differ in the same way.
ENTITY_TYPES = {
    "person": "Peop",
    "surname": "Peop",
    "city": "Loc",
    "region": "Loc",
    "org": "Org",
    "firm": "Org",
    "award": "Other",
    "event": "Other",
    "pact": "Other",
    "nationality": "Other",
    "date": "Other",
    "money": "Other",
    "product": "Other",
    "book": "Other",
}

NAMES = """
[person]
8* {first} {surname}
2* {first} {letter}. {surname}
1* {first} {first} {surname}

[city]
8* {town}
1* {old_new} {town}
1* {town} {landmark}

[region]
4* {country}
1* {north} {country}
1* {town} {county}

[org]
1* {surname}
2* {firm}

[firm]
2* {surname} {suffix}
1* {town} {sector} {suffix}
1* {surname} & {partner}
1* Bank of {town}
1* University of {country}
1* {town} University
1* {town} {paper}
1* {town} Police Department
1* {first} {surname} {institute}
1* {nationality} {sector} {union}
1* {letter}{letter}{letter}

[award]
2* {surname} {prize}
1* {first} {surname} {prize}
1* {town} Cup
[event]
2* {town} {festival}
1* {country} War
1* {surname} Trial
[pact]
2* Treaty of {town}
1* {law} {reform} Act

[nationality]
{country_stem}{adjective}
[date]
{month} {day} , 19{decade}{digit}
[money]
$ {count}.{digit} {scale}
[product]
{machine} {digit}00
[book]
The {faded} {object}

[surname]
3* {stem}{ending}
1* {stem}{surname_ending}

[town]
3* {stem}{ending}
1* {stem}{town_ending}

[country]
{country_stem}{country_ending}

[stem]
- Ald Ash Bar Beck Ber Black Brad Bram Bran Brent Bur Cald Carl Chal Clay Col Craw Dal Dan Dar Den Dray Dun
- East Eld Elm Fair Fal Farn Fen Gar Gil Glen Gran Had Hal Ham Har Hart Haw Hazel Hol Hur Kel Ken Kil Kirk
- Lang Lin Lock Mal Mans Mar Mel Mid Mor Nor Oak Oxen Pem Pen Rad Ray Red Rich Rock Ros Rush Sel Shel Sher
- Stan Stock Sut Thorn Tre Wal War Wat West Wey Whit Wil Win Wood Wy Yar
[ending]
- ford by ton well worth ley field more ham land brook ridge stone wick combe gate dale hurst wood
- den low cliff
[surname_ending]
- son sen ski enko ez ini ov ard akis er
[town_ending]
- ville burg port mouth stad grad haven bridge

[country_stem]
- Vald Kest Bor Tam Lur Mirad Zan Ost Pell Sarov Ter Ulm Verd Corv Dal Ester Gal Hav Jor Karel Lav Nov Orl
- Quer Rad Sev Trav Vis Yel Zor
[country_ending]
- oria ania istan avia ovia uela
[adjective]
- orian anian istani avian ovian uelan

[first]
- Aaron Adele Alan Albert Alice Amos Andrea Anna Arthur Barbara Benita Bernard Bruce Carla Carlos Cecil Clara
- Claude Connie Cyrus Daniel David Dean Deborah Diego Donna Edgar Edith Edward Elena Elias Ellen Emil Erik
- Esther Eva Felix Fiona Frank Fred Gary George Gloria Grace Greta Harold Helen Henry Hugo Ida Igor Irene
- Isaac Ivan Jack James Janet Jean Joan John Jorge Joseph Judith Karen Karl Keith Kurt Larry Laura Leo Leon
- Linda Louis Lucy Luis Manuel Marcus Maria Martha Martin Mary Michael Miguel Monica Nadia Nancy Nina Nora
- Norman Olga Oscar Otto Pamela Paul Pedro Peter Philip Ralph Raul Rita Robert Rosa Roy Ruth Samuel Sara
- Simon Sonia Stella Steven Susan Teresa Thomas Tina Vera Victor Vincent Walter Wanda William Yuri

[letter]
- A B C D E F G H J K L M N P R S T W
[digit]
- 1 2 3 4 5 6 7 8 9
[decade]
- 5 6 7 8 9
[day]
- 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
[count]
- 2 3 4 5 6 8 10 12 15 20 25 30 40 60 80
[scale]
- million billion
[month]
- Jan. Feb. March April May June July Aug. Sept. Oct. Nov. Dec.
[old_new]
- New Port Fort Lake Mount
[landmark]
- Falls Springs Heights Beach
[north]
- North South West
[county]
- County Province
[suffix]
- Corp. Inc. Co.
[partner]
- Sons Co.
[sector]
- Steel Oil Mining Insurance Electric Textile Chemical Shipping Aircraft Paper
[paper]
- Times Herald Tribune
[institute]
- Foundation Institute
[union]
- Union Association
[prize]
- Prize Award Medal
[festival]
- Games Fair Festival
[reform]
- Control Reform Support
[law]
- Water Air Trade Labor Tax Farm Housing Export
[machine]
- Falcon Comet Orion Vega Puma Lancer Atlas Titan
[faded]
- Silent Broken Golden Hidden Distant Frozen
[object]
- River Garden Letter Mirror Winter Island Road Harbor
"""
