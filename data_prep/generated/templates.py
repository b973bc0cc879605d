"""The sentences of the generated corpus, as a grammar in the notation of `grammar.py`.

Two principles make the words of every sentence determine its annotation. A name that could have several types
occurs only next to words that determine its type. A relation is annotated if and only if the sentence states
it in words ("was born in", "based in"), never by inference. Neutral clauses contain the same pairs of types
without a relation.
"""

SENTENCES = """
[sentence]
18* {claim} {tail} .
12* {claim} .
9* {lead} , {claim} .
9* {claim} , {source} said {when} .
6* {lead} , {claim} , {source} said {when} .
4* {claim} , {join} {claim} .
3* {claim} , {join} {neutral} .
3* {neutral} , {join} {claim} .
9* {neutral} {tail} .
4* {neutral} .
2* {title} {surname} {resigned} .
1* {lead} , {claim} , {join} {neutral} , {source} said {when} .
1* {neutral} , {join} {claim} , {join} {claim} , {source} said {when} .

[nameless]
{officials} later {resigned} .
{officials} {waited} {lately} .
{officials} {waited} and {officials} {waited} {lately} .
{fire} {spread} {lately} , but {officials} {waited} .
{fire} {spread} {lately} , {officials} said .
a {bomb} killed {officials} {lately} .
{officials} said {officials} would {wait} {lately} .

[claim]
{kill} | {live} | {located} | {based} | {work}

[kill]
3* {s=killer} {killed} {o=victim} {where} :: Kill s o
1* {s=killer} {killed} {o=person} and {p=person} {where} :: Kill s o ; Kill s p
2* {s=killer} was convicted of killing {o=victim} {where} :: Kill s o
2* {s=killer} confessed to the {murder} of {o=victim} :: Kill s o
3* {o=victim} was {killed} by {s=killer} {where} :: Kill s o
2* {o=victim} died after being {shot} by {s=killer} {where} :: Kill s o
2* the {murder} of {o=person} by {s=person} shocked {place} :: Kill s o
2* {o=person} 's killer , {s=person} , {escaped} {where} :: Kill s o

[live]
3* {s=who} {lives} in {o=place} :: Live_In s o
1* {s=who} and {t=person} live in {o=place} :: Live_In s o ; Live_In t o
2* {s=who} was born in {o=place} on {date} :: Live_In s o
2* {s=person} , a {resident} of {o=place} , {did} :: Live_In s o
1* {s=person} , who {lives} in {o=place} , {did} :: Live_In s o
4* {o=city} {resident} {s=person} {did} :: Live_In s o
2* {o=place} is the birthplace of {s=person} :: Live_In s o
2* in {o=city} , where {s=person} {lives} , {officials} {waited} :: Live_In s o

[located]
2* {s=city} , a {town} in {o=region} , was {destroyed} {when} :: Located_In s o
2* {s=city} and {t=city} , two towns in {o=region} , were {destroyed} :: Located_In s o ; Located_In t o
2* {s=city} is the capital of {o=region} :: Located_In s o
2* {fire} {spread} in {s=city} , {o=region} , {when} :: Located_In s o
2* {o=region} 's capital , {s=city} , was {destroyed} {when} :: Located_In s o
2* {fire} {spread} in the {o=region} {town} of {s=city} :: Located_In s o
2* in {o=region} , the {town} of {s=city} was {destroyed} {when} :: Located_In s o

[based]
3* {s=org} , based in {o=place} , {announced} :: OrgBased_In s o
2* {s=company} has its headquarters in {o=place} :: OrgBased_In s o
1* {s=firm} and {t=firm} are based in {o=place} :: OrgBased_In s o ; OrgBased_In t o
4* {o=city} - based {s=org} {announced} :: OrgBased_In s o
2* at its {o=city} headquarters , {s=firm} {announced} :: OrgBased_In s o
2* {o=place} is home to the headquarters of {s=org} :: OrgBased_In s o

[work]
2* {s=who} works for {o=org} :: Work_For s o
2* {s=person} , {far} , works for {o=employer} :: Work_For s o
1* {s=who} and {t=person} work for {o=org} :: Work_For s o ; Work_For t o
2* {s=person} , a {clerk} for {o=employer} , {did} :: Work_For s o
2* {s=who} was named {chairman} of {o=org} {when} :: Work_For s o
3* {o=org} {chairman} {s=person} {did} :: Work_For s o
2* {o=org} 's {chairman} , {s=person} , {did} :: Work_For s o
2* {o=firm} hired {s=person} as its {chairman} {when} :: Work_For s o

[who]
8* {h=person}
3* {title} {h=surname}
3* {h=surname}
2* {h=person} , {age} ,
1* {h=person} , {far} ,
1* {h=person} , a {clerk} for {o=org} , :: Work_For h o
1* {h=person} , a {resident} of {c=city} , :: Live_In h c
1* {o=org} {chairman} {h=person} :: Work_For h o

[killer]
3* {h=person}
3* {h=who}

[victim]
5* {h=person}
2* {h=surname}
1* {title} {h=surname}
1* {h=person} , a {resident} of {c=city} , :: Live_In h c
1* {h=person} , a {clerk} for {o=org} , :: Work_For h o

[company]
4* {h=org}
1* {h=firm} , which {won} ,

[employer]
3* {h=org}
1* {c=city} - based {h=org} :: OrgBased_In h c

[place]
5* {h=city}
2* {h=region}
3* {h=city} , {r=region} , :: Located_In h r

[far]
who {visited} {city} {when} | who {met} {person} in {city} | who {won} | who once lost {money}

[neutral]
2* {person} {met} {person} {where}
2* {person} {visited} {place}
2* a jury cleared {person} of the {murder} of {person}
1* {person} and {person} were {killed} by a {bomb} {where}
1* {person} denied killing {person}
1* a {bomb} killed {person} {where}
2* {person} {sued} {firm} {where}
2* {firm} {sued} {person}
1* {person} turned down a job at {org}
1* {person} bought shares of {org} for {money}
2* {firm} {won} in {place}
1* shares of {org} {rose} {when}
2* {firm} {sued} {firm}
3* {region} {invaded} {region} {when}
2* the road from {city} to {city} was {destroyed}
3* trade between {region} and {region} {rose} {when}
1* {fire} {spread} in {city} , {city} and {city}
2* {nationality} {force} {visited} {city}
1* {nationality} {force} {met} {person}
1* {person} read `` {book} '' to {officials}
1* {officials} prepared for the {event} in {city}
1* {title} {surname} {did}

[lead]
2* in a report on {day}
2* according to {officials}
1* in a letter on {date}
1* according to {title} {surname}
1* a day after {officials} {waited}

[tail]
2* , {officials} said
1* , according to {firm}
1* , the {nationality} {clerk} said
1* , said {person} , who {won}
1* , a year after the {event}

[source]
2* {officials}
1* {title} {surname}
1* {person}
1* the {nationality} {clerk}

[join]
and | while | but

[where]
3*
3* in {place}
1* {when}

[when]
3* {lately}
1* on {date}
[lately]
2* on {day}
1* last {week}

[did]
2* said {officials} would {wait}
1* {visited} {city} {when}
1* {met} {person}
1* {won}
1* {resigned} {when}
1* {waited} {when}

[announced]
announced {profits} of {money} | announced {profits} {when} | said it would {wait} | bought the {product}
sold {land} in {city}

[won]
won the {award} | won the {product} contract | won a {lawsuit} | lost a {lawsuit}

[visited]
visited | flew to | left for | spoke in
[met]
met | praised | accused | phoned | wounded
[sued]
sued | criticized
[invaded]
invaded | signed the {pact} with
[killed]
2* killed
shot and killed | murdered
[shot]
- shot stabbed
[murder]
- murder killing
[escaped]
escaped | was arrested
[bomb]
- bomb gunman
[lives]
2* lives
grew up | settled
[resident]
resident | native
[destroyed]
destroyed | closed | flooded | damaged
[town]
- town city
[fire]
a fire | a strike | a storm | fighting
[spread]
broke out | began | ended
[profits]
- profits losses
[rose]
- rose fell
[land]
- land offices
[lawsuit]
- lawsuit case
[clerk]
spokesman | reporter | lawyer | manager | pilot
[chairman]
chairman | president | director
[title]
Mr. | Mrs. | Dr. | Sen. | Judge
[age]
- 38 45
[officials]
officials | police | witnesses | lawyers | reporters | two officials | local police | three witnesses
[force]
- police lawyers reporters officials
[resigned]
resigned | disagreed | declined comment
[waited]
waited | left | arrived | began to search
[wait]
wait | leave | appeal
[day]
- Monday Tuesday Wednesday Thursday Friday Saturday Sunday
[week]
- week month year
"""
