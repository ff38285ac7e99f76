//! The texts of the example project.

/// Example pairs of the seed: question, answer.
pub(super) const PAIRS: [(&str, &str); 4] = [
    (
        "How often should I look into my hives in May, and what am I looking for?",
        "Once a week while the swarming season lasts. A queen cell is capped about eight days after its egg was laid, \
and a swarm often leaves around then, so a gap of seven days lets you find it in time.

Go through the brood box with five questions:

1. **Are there eggs?** Then the queen was there within the last three days. You do not have to see her.
2. **Is there room?** She needs empty cells to lay in, and the bees need comb for nectar.
3. **Are there queen cells with an egg or a larva?** Dry, empty cups are normal and mean little.
4. **Does the brood look healthy?** Larvae should be pearly white, cappings even and slightly domed. Sunken, greasy or \
perforated cappings need a closer look.
5. **Is there food?** About two full frames of honey in reserve carry a strong colony through a week of bad weather.

Below about 14 °C keep it to a minute or leave the hive closed, so that the brood does not cool.",
    ),
    (
        "My honey reads 19.5 % water on the refractometer. Can I extract it?",
        "Better wait. It may be legal and still not keep.

The general limit for honey in the EU is 20 % water, and some national grades are stricter: US Grade A allows 18.6 %, \
the label of the German beekeepers' association 18 %. Yeasts are in every honey, and the more water above about 18 %, \
the likelier it ferments in the jar.

- Check the refractometer first: calibrate it, and measure honey from several frames, capped and uncapped.
- Leave the frames on the hive until they are capped, or at least until nothing sprays out when you jerk a frame \
downwards.
- If they have to come off, stack the supers crosswise in a small warm room with a dehumidifier and a fan, and measure \
again each day.

What is already extracted at 19.5 % belongs in a cool place and in your own kitchen, to be eaten soon.",
    ),
    (
        "How do I measure how many varroa mites are in a colony?",
        "Wash a sample of bees. It is quick, and more reliable than counting what drops on a board.

1. Find the queen and put her frame aside.
2. Shake bees from one or two frames with open brood into a tub, and scoop up 120 ml of them (half a US cup). That is \
about 300 bees.
3. Put them into a jar with a mesh lid, cover them with alcohol or winter windscreen fluid, and swirl for a minute.
4. Pour the liquid through the mesh into a white bowl and count the mites.
5. Divide by three: that gives mites per 100 bees. Twelve mites are 4 %.

In late summer many advisers call for treatment from 2 to 3 %, earlier in the year from less; use the threshold of \
your region. The wash kills the sample. A roll in icing sugar spares most of the bees, but tends to find fewer mites.",
    ),
    (
        "A swarm of bees hangs in our hedge. Is it dangerous, and what should we do?",
        "Keep a few metres away and it is very unlikely to harm anyone. The bees are full of honey and have no brood \
to defend; they hang there only until their scouts have agreed on a new home, which takes from an hour to a few days.

- Call the local beekeepers' association. Most have a list of people who collect swarms, often for nothing.
- Keep children and dogs indoors or away, and windows on that side closed.
- Do not spray water or insecticide and do not poke it: that is what makes them sting.

If somebody is stung and gets hives all over, a swollen face, trouble breathing or feels faint, call the emergency \
number at once.",
    ),
];

/// Kept instructions with their answers: topic, perspective, instruction, response.
pub(super) const ANSWERED: [(&str, &str, &str, &str); 8] = [
    (
        "swarm prevention",
        "first-year beekeeper",
        "I found five capped queen cells on one frame today and cannot find the queen. What do I do first?",
        "First: **do not break the cells.** If the swarm has already gone, they are the colony's only way to a new \
queen. Look for eggs instead; they tell you what happened.

| What you see | What it means | What to do |
|---|---|---|
| Eggs, and the hive is packed with bees | She was there within three days, and they are about to swarm | Split the \
colony today |
| Larvae and capped brood, no eggs, clearly fewer bees | The swarm has probably left with the old queen | Leave one \
good cell, remove the others |
| No eggs and no larvae, one cell neatly open at its tip | A young queen has probably hatched | Close the hive and \
wait |

For the split, put three frames of brood with their bees and a frame of food into a second box, away from the first. \
One of the two has the old queen; you will see eggs there in a few days. Leave a cell in the other one only.

A young queen needs two to three weeks after hatching until she lays, longer in bad weather. Do not disturb her around \
midday in that time, when she may be out mating. If there are no eggs after four weeks, give the colony a frame with \
eggs from another hive: if they build queen cells on it, they have no queen.",
    ),
    (
        "spring build-up",
        "sideline honey seller",
        "With twelve hives and a rape field that flowers in three weeks, how do I decide when each colony gets its \
first super?",
        "Go by the bees, not by the date. A colony gets its super when

- bees cover all but the outer frames of the brood box, and
- nectar is coming in: fresh, glittering cells, and bits of new white wax along the top bars.

In practice you will do it in two rounds. Put supers on the strongest colonies about a week before the rape opens, \
and go through the others when the first flowers show.

**Too late** looks like this: nectar stored in cells where the queen should lay, bees building in every gap, queen \
cups with eggs. Rape yields a lot in a short time, so a strong colony can fill a super in a week; have the second one \
ready.

**Too early** costs warmth. If a cold spell is forecast, lay a sheet of newspaper between brood box and super: the \
bees chew through it when they need the room.

One more thing about rape: its honey is rich in glucose and sets within days, even in the comb. Take it off as soon \
as it is ripe and extract it at once.",
    ),
    (
        "varroa and brood disease",
        "first-year beekeeper",
        "It is December, my only colony seems to have no brood, and I have not treated since August. Is oxalic acid \
worth it now?",
        "Yes, this is the best moment of the year for it. Oxalic acid reaches only mites that sit on bees, not those \
under cappings. With no brood nearly all of them are exposed, and one treatment commonly removes more than nine in ten.

What to do:

1. Use a product that is approved for bees where you live, and follow its label. Dose and method differ between \
countries.
2. Choose a dry day a few degrees above freezing, when the bees sit in a cluster.
3. Trickle it on the bees between the frames, **once only** in the winter: bees tolerate a second trickling badly.
4. Protect yourself: gloves and goggles for trickling. Vaporising needs a mask against acid fumes as well; the \
crystals harm your lungs.
5. Slide a board under the mesh floor and count the mites that fall over the next two weeks. The number tells you how \
good your August treatment was.

If you are unsure about the brood: colonies often stop after about three weeks of cold. You can also look at the board \
before you treat. Fresh crumbs of dark wax from cappings mean that brood is still hatching.",
    ),
    (
        "varroa and brood disease",
        "bee inspector",
        "Which signs on a brood frame tell American foulbrood from European foulbrood, and what has to happen while I \
wait for the laboratory?",
        "Both make the brood patchy, so look at single larvae.

| | American foulbrood | European foulbrood |
|---|---|---|
| Cause | *Paenibacillus larvae*, forms spores | *Melissococcus plutonius*, no spores |
| Larvae die | mostly after capping | mostly before capping |
| Cappings | sunken, dark, greasy, with ragged holes | mostly normal, since few are affected |
| Dead larva | coffee brown, slimy | twisted or slumped, yellowish to brown |
| Matchstick test | draws a thread of 2 cm or more | draws no thread, or a short one that breaks |
| Dried scale | dark, sticks fast to the cell wall | rubbery, comes out easily |
| Smell | like carpenter's glue | sour, or none |

No single sign is proof, and both can be there at once: the laboratory decides.

Until then the apiary is treated as if it were American foulbrood:

- close the hive and narrow its entrance, so that nobody robs it;
- no bees, combs, honey or tools leave the place;
- tools are scorched with a flame or cleaned in hot washing soda, gloves are thrown away;
- ask where colonies, combs and queens came from and went to in the past months.

American foulbrood has to be reported in many countries, European foulbrood in some. The spores of the former stay \
alive in old comb for decades, which is why the rules are strict.",
    ),
    (
        "honey harvest",
        "sideline honey seller",
        "What has to be on the label of a jar of honey that I sell at a weekly market in the EU, and what must it not \
promise?",
        "For honey from your own hives, the label has to show

- the name of the food: *honey*, or the kind, such as *lime honey*, if it really comes mainly from there;
- the net weight, for example 500 g;
- your name and address;
- the country where it was harvested;
- a best-before date;
- a lot number, unless the best-before date gives day and month.

**What it must not say:** that honey prevents, treats or cures a disease. “Good against coughs” is such a claim, on \
the label and on a board at your stall alike. Words like *organic* need a certificate.

What is not required everywhere but right to add: *Not for children under 12 months.* Honey can hold spores of \
*Clostridium botulinum*, which are harmless to adults and dangerous to infants.

Details such as the height of letters, and lighter rules for small amounts sold directly, differ between countries. \
Ask the food authority of your district to look at your first label; most do that gladly.",
    ),
    (
        "preparing for winter",
        "first-year beekeeper",
        "How much food does my colony need for the winter, and until when can I feed syrup?",
        "That depends on where you live and how strong your colony is. Too little food is bad for the bees, and too \
much is not ideal either. Ask the beekeepers near you.",
    ),
    (
        "forage and pollination",
        "fruit grower",
        "When should hired hives come into my four hectares of apples, how many do I need, and how do I spray without \
harming the bees?",
        "Have them brought in when about **one flower in ten** is open. Bees that stand there earlier get used to \
other flowers nearby.

**How many:** two to four strong colonies per hectare is a common rule, so eight to sixteen for you. Strong means \
bees on at least six to eight frames; agree on that beforehand. A weak colony hardly flies in cool weather.

**Where:** in groups, sheltered from the wind, with morning sun on the entrances. Bees fly little below 10 to 12 °C, \
in rain or in strong wind, so a warm place lengthens the hours in which they work.

**Spraying:**

- no insecticide on open flowers;
- what has to be sprayed during bloom goes out in the evening, after the bees have stopped flying, so that it is dry \
in the morning;
- be careful with mixtures: some fungicides make certain insecticides far more poisonous to bees;
- mow dandelions and clover under the trees before you spray. They draw bees into the spray, and away from your apples;
- tell the beekeeper two days ahead.

The label of each product has the binding rule.",
    ),
    (
        "forage and pollination",
        "neighbour",
        "Our garden is 60 square metres. What can we plant so that the bees next door find something from February to \
October?",
        "Plan for the gaps: early spring and late summer, when fields and parks have little. A few square metres of \
each is more use than one plant of everything.

- **February to March:** snowdrops, winter aconite and crocus under the shrubs. One goat willow feeds more bees than \
all of them, but needs room.
- **April to May:** currants, an apple on a small rootstock, and dandelions, if you let them.
- **June to July:** lavender, thyme, borage, and white clover in the lawn, mown less often.
- **August to September:** marjoram, stonecrop (the tall kind) and asters with open flowers.
- **September to October:** ivy. It flowers only on old, climbing stems, and is the last big meal of the year.

Choose **single flowers**: in double ones the stamens have become petals, and there is little or nothing to fetch. \
Leave out insecticides, also the ones already in potted plants, and put up a flat bowl of water with stones to land \
on, in the sun.

Wild bees will come as well. A patch of bare, sunny soil helps many of them more than an insect hotel does.",
    ),
];

/// Instructions left to decide: topic, perspective, instruction.
pub(super) const OPEN: [(&str, &str, &str); 3] = [
    (
        "swarm prevention",
        "neighbour",
        "Every May a swarm from the hives next door settles in our garden. What can I reasonably ask the beekeeper to \
do about it?",
    ),
    (
        "preparing for winter",
        "bee inspector",
        "Write a checklist for an autumn visit to an apiary of six hives, in the order in which you would go through \
it.",
    ),
    (
        "spring build-up",
        "fruit grower",
        "A cold and wet April is forecast. How will that change the strength of the colonies I hired by the time my \
cherries flower?",
    ),
];
