/**
 * The words of short codes: 1,296 (6^4) of the 2,048 English words of BIP 39 (MIT licence), which are told apart by
 * their first four letters. Left out are words that are often mistaken by ear; no two of the rest are one slip apart (a
 * letter wrong, missing, added, or two swapped), so a slip never makes another code; the shorter ones were preferred.
 */
const TEXT = `
abandon ability able about above absent absorb absurd abuse access account accuse achieve acid acquire
action actor actress actual adapt addict address adjust admit adult advance aerobic affair afford afraid
agent agree airport alarm album alcohol alert alien alley allow almost alone alpha already also alter
always amateur amazing among amount amused analyst anchor ancient anger angle angry animal annual another
answer antenna antique anxiety apart apology appear apple approve april arch arctic area argue armed armor
army around arrange arrest arrive arrow artist artwork aspect assault asset assist assume asthma athlete
atom attack attend attract audit august author auto autumn average avocado awake away awesome awful awkward
axis baby bacon badge balance balcony bamboo banana banner barely bargain barrel base basic basket battle
beach beauty because become beef before begin behave behind believe below belt benefit betray better
between beyond bicycle bike bind biology birth black blade blanket blast bleak bless blood blossom blouse
blur blush boat body boil bomb bone bonus book boost borrow boss bottom bounce bracket brain brand brass
brave breeze brick bridge brief bright bring broken bronze broom brother brown bubble buddy budget buffalo
build bulb bullet bundle bunker burden burger burst busy buyer buzz cabbage cabin cactus cage call camera
canal cancel candy cannon canoe canvas capable capital captain carbon card cargo carpet carry casino castle
casual catalog catch caught cause caution ceiling celery cement census century certain chair chalk change
chaos chapter chase chat check cheese chef cherry chest chicken child chimney choice choose chronic chuckle
chunk churn cigar circle citizen city civil clap clarify clean clerk clever click client cliff clinic clog
cloud club clump cluster clutch coach coconut code coffee coin collect color column combine comfort comic
common company concert conduct confirm connect control cool copper copy correct cost cotton country couple
cousin coyote cradle craft cram crane crash crater crawl crazy credit creek crew cricket crime crisp critic
crop cross crouch crowd crucial cruel crumble crunch crystal cube culture curious curve cushion custom
cycle damage dance daring dash dawn deal debate debris decade decline defense define defy degree delay
deliver demand demise denial dentist depart depend deposit depth deputy design desk despair destroy detail
detect develop devote diagram diamond diary dice diesel diet differ digital dignity dilemma direct disease
dismiss display divert divide divorce dizzy doctor doll dolphin domain donate donkey door dose double
dragon drama drastic draw dream dress drift drill drink drip drive drum duck dumb dune dust dutch duty
dwarf dynamic eager eagle early earn earth easily east echo ecology economy edge edit educate either elbow
elder elegant element elite else embark embody embrace employ empower empty enable enact endless endorse
enemy energy enforce engage engine enhance enjoy enlist enough enrich enroll ensure enter entire entry
episode equal equip erase erode erosion error erupt escape essay essence estate eternal ethics evil evoke
evolve example excess excite exclude excuse execute exhaust exhibit exile exist exotic expand expect expire
explain expose express extend extra eyebrow fabric face faculty faint faith false family famous fancy
fantasy farm fashion fatal father fatigue fault feature federal feed female fence fetch fever fiber fiction
field figure file filter final finger finish first fiscal fish fitness flag flame flash flavor flee flip
float floor fluid foam focus fold follow foot force forest forget fork fortune forum forward fossil foster
found fragile fresh friend fringe frog front frozen fruit fuel funny furnace fury future gadget gain galaxy
gallery game garage garden garlic garment gasp gauge general genius genre gentle genuine gesture ghost
giant gift giggle giraffe girl give glad glance glare glass glide glimpse globe gloom glory glow glue
goddess good goose gorilla gospel gossip govern gown grab grace gravity green grid grocery group grunt
guard guilt guitar habit half hammer hamster hand happy harbor harsh harvest have hawk hazard head health
heart heavy height hello helmet help hero hidden high hill hint hire history hobby hockey holiday home
honey horn horror hotel huge humble hundred hungry hurdle hurry hurt husband hybrid icon idea ignore
illegal illness image imitate immense immune impact impose improve impulse inch include income index indoor
infant inflict inform inhale inherit initial inject injury inmate inner input inquiry insane inside inspire
install intact into invest invite involve island isolate issue item ivory jacket jaguar jazz jealous jeans
jelly jewel joke journey judge juice jump jungle junior junk keen ketchup kick kidney kingdom kiss kitchen
kite kitten kiwi knee knife label labor ladder lady lake lamp laptop large latin laugh laundry lava lawsuit
layer leader leaf leave lecture left legal legend lemon lend length leopard level liar liberty library
license life light limb limit link lion liquid list little lizard load local lock logic lonely long loop
lounge love lucky lumber lunar lunch luxury lyrics magic magnet major mammal manage mango manual maple
marble margin marine market mask master math matrix maze meadow mean media melody member memory menu mercy
merge merit mesh method middle milk mimic minute mirror misery mixed mobile model modify moment month moon
more motion motor mouse movie much muffin mule museum music mutual myself napkin nasty nation nature near
neck nephew nerve nest news noble noise noodle normal north note notice novel nurse obey object oblige
obtain occur offer office often okay olive omit once onion online only open opera oppose option orbit order
organ orient orphan other outer output oval over owner oxygen oyster ozone pact paddle palm panda panel
panic paper parade parent park parrot party pass patrol peanut pencil people pepper permit person phone
photo phrase piano picnic pigeon pilot pipe pistol pitch pizza place planet play please pledge pluck plug
plunge poem point polar police pond potato power praise prefer price prison proud public pull pulse pupil
puppy purity push puzzle quick quit quote rabbit rack radar radio rail rally ranch random range rapid rate
raven razor ready reason rebel recall recipe record reduce reform refuse region regret reject relax relief
rely remain remind remove render renew rent reopen repair repeat report rescue resist result retire return
reveal review reward rhythm ribbon rich ride rifle rigid riot ripple risk ritual rival river roast robot
robust rocket roof rookie rotate rough royal rubber runway rural safe salad salon salt salute sample scale
scan scheme school scout scrap screen script scrub search seat second secret select senior series settle
setup seven shadow shaft share shed shell shield shine shiver shock shoe shoot shrimp shrug siege silent
silly silver since sing siren sister size skate sketch skill skin skirt slab sleep slice slim slogan slot
small smart smile smoke smooth snack snake snap sniff snow soccer social soda soft solid solve sorry soup
source south space spawn speak speed sphere spider spike spirit split spoil spoon sport spray spread spring
square stable staff stage stairs stamp stand stay stereo stick stone stool street strike strong style
submit subway sudden suffer sugar summer sunset super supply sure survey swarm swear swift switch syrup
system tackle talent talk tape target taste tattoo taxi tell tenant tennis term text thank theme theory
they thing this thrive throw thumb ticket tiger tilt timber time tiny tired title today toilet token tomato
tooth topic topple torch total toward trade tragic trap travel treat tree trend trial tribe trim trophy
truck truly trust truth tuna tunnel turkey turn turtle twelve twenty twice twin twist ugly uncle under undo
unfair unfold unique unit unlock until unveil update uphold upon upper upset urban urge usage useful vacant
vacuum vague valid valve vanish vapor velvet vendor venue verb verify vessel viable video view violin virus
visa visit visual vital vivid voice void volume voyage wagon walnut want water weapon weasel weird whale
wheat when whip width wild window winter wisdom wise wolf woman wonder word wreck wrist wrong yellow young
zebra`;

/** In alphabetical order. */
export const SHORT_CODE_WORDS: readonly string[] = TEXT.trim().split(/\s+/);
