package mapping_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/mapping"
	"tapedeck/market"
)

// right is a mapping without a mistake. Each test of TestMistakes replaces a part of it.
const right = `mappings:
  desk:
    format: json
    venue: DESK
    symbol: instr
    time: {from: ts, unit: ms}
    kind: spot
    names:
      - {like: "(.+)_(.+)", name: $1-$2}
    messages:
      - when: {type: trade}
        trade: {price: px, size: qty, side: {from: s, words: {B: buy}}}
      - when: {type: book}
        book: {bids: b, asks: a, price: 0, size: 1, snapshot: {x: 1}, sequence: u, previous: p}
      - when: {type: bar}
        candle: {start: {from: t, unit: s}, width: 1m, open: o, high: h, low: l, close: c, volume: v, final: true}
`

// A mistake is found at the start, with its place and what to do.
func TestMistakes(t *testing.T) {
	must(t, right)
	for _, test := range []struct{ was, is, want string }{
		{"  desk:", "  Desk:", `2:3: "Desk" cannot be a mapping's name: small letters, digits and - only, as in desk-trades`},
		{"format: json", "format: xml", "3:13: format cannot be xml: there are json csv"},
		{"format: json", "fromat: json", "3:5: a mapping has no key fromat: there are format header delimiter kind names messages venue symbol time each"},
		{"    format: json\n", "", "2:3: a mapping needs format"},
		{"    venue: DESK\n", "", "2:3: a mapping needs venue: the first part of its rooms' names, as in BINANCE"},
		{"venue: DESK", "venue: A:B", `4:12: "A:B" cannot be a venue's name: no : @ , * % or space in it`},
		{"venue: DESK", "venue:", "4:5: venue has no value: give it one, or leave the line out"},
		{"venue: DESK", "venue: [DESK]", "4:12: venue must be one plain value"},
		{"venue: DESK", "venue: {from: mic, words: {}}", "4:31: words is empty"},
		{"    symbol: instr\n", "", "2:3: a mapping needs symbol: where its native name is, or {is: NAME}"},
		{"symbol: instr", "symbol: a..b", `5:13: symbol: "a..b" is not a path such as data.price, bids[0] or ["odd key"]: "" is no key`},
		{"symbol: instr", "symbol: a[x]", `5:13: symbol: "a[x]" is not a path such as data.price, bids[0] or ["odd key"]: in [ ] stands an element's number, from 0 to 4095, or a key in quotes`},
		{"symbol: instr", "symbol: $instr", `5:13: symbol: "$instr" is not a path such as data.price, bids[0] or ["odd key"]: behind $ comes a point`},
		{"symbol: instr", "symbol: 3", `5:13: symbol: 3 is not a path: an element is [3], a key of digits ["3"]`},
		{"symbol: instr", `symbol: "@offset"`, `5:13: symbol: "@offset" is neither @key nor @header.NAME`},
		{"symbol: instr", "symbol: {name: X}", "5:14: symbol has no key name: there are is"},
		{"time: {from: ts, unit: ms}", "time: ts", "6:11: time needs its unit, as in {from: ts, unit: ms}"},
		{"unit: ms}\n    kind", "unit: msec}\n    kind", "6:28: unit cannot be msec: there are s ms us ns rfc3339"},
		{"unit: ms}\n    kind", "layout: \"%d.%m.%y\"}\n    kind", "6:30: layout: behind % comes one of Y m d H M S z, or % itself; seconds may have a fraction"},
		{"unit: ms}\n    kind", "layout: \"%d.%m.\"}\n    kind", "6:30: layout: %Y has to be in it, once"},
		{"kind: spot", "kind: swap", "7:11: kind cannot be swap: there are spot perpetual future option"},
		{`{like: "(.+)_(.+)", name: $1-$2}`, `{name: X}`, "9:9: an entry of names needs either is, a native name, or like, a regular expression"},
		{`like: "(.+)_(.+)"`, `like: "(.+"`, "9:16: like: \"(.+\" is not a regular expression: missing closing ): `^(?:(.+)$`"},
		{"name: $1-$2", "name: $1-$3", "9:35: name: there is no group $3: like has 2 in parentheses"},
		{right[strings.Index(right, "    messages:"):], "    messages: []\n", "10:5: messages is empty: list what the records are"},
		{"when: {type: trade}", "wenn: {type: trade}", "11:9: a message has no key wenn: there are when ignore venue symbol time each trade quote book ticker candle status"},
		{"        trade: {price: px, size: qty, side: {from: s, words: {B: buy}}}\n", "", "11:9: a message needs one of trade quote book ticker candle status, or ignore: true"},
		{"        trade:", "        ignore: true\n        trade:", "13:9: a message that is to be ignored becomes no trade"},
		{"ice: px, size: qty, side", "ice: px, side", "12:9: trade needs size"},
		{"size: qty", "size: {a: b}", "12:34: size must be one plain value"},
		{"B: buy", "B: bid", "12:66: B cannot be bid: there are buy sell unknown"},
		{"snapshot: {x: 1}, ", "", "14:9: book needs snapshot"},
		{"snapshot: {x: 1}", "snapshot: maybe", "14:63: snapshot must be true or false"},
		{"price: 0", "price: px", "14:9: in a book price and size are both numbers, of elements, or both keys"},
		{"sequence: u, ", "", "14:71: previous is of no use without sequence"},
		{"previous: p", "previous: p, rule: next", "14:84: previous is for the rule previous"},
		{"previous: p", "rule: previous", "14:84: the rule previous needs previous: where the number of the message before is"},
		{"previous: p", "previous: p, first: f", "14:97: first is for the rule next"},
		{"previous: p", "previous: p, rule: prev", "14:103: rule cannot be prev: there are next previous grows"},
		{"bids: b,", "bids: {price: \"b{x}\", size: s, levels: 2},", `14:30: price: "b{x}" needs the first level's number in braces, {0} or {1}, or {00} for two digits`},
		{"bids: b,", "bids: {price: \"b{0}\", size: \"s{0}\", levels: 0},", "14:60: levels must be a whole number of 1 to 1000"},
		{"      - when: {type: bar}\n        candle:", "      - when: {type: bok}\n        book: {bids: b, asks: a, snapshot: false, sequence: u}\n      - candle:", "16:9: a book by the rule next beside one by the rule previous: make two mappings of them"},
		{"width: 1m", "width: 7m", "16:52: width cannot be 7m: there are 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d"},
		{"final: true", "final: yes", "16:110: final must be true or false"},
		{"format: json", "format: json\n    header: first-line", "4:5: header is for csv"},
		{"format: json", "format: csv", `5:13: symbol: "instr" is no column's number: they count from 1; to use names, say header`},
		{"format: json", "format: csv\n    header: [instr, a, a]", "4:24: header names a twice"},
		{"format: json", "format: csv\n    header: [instr, a, b]", "7:18: from: the header has no column ts: there are instr a b"},
		{"format: json", "format: csv\n    header: first-line\n    each: x", "5:5: each is for json: in csv each line is a message"},
		{"format: json", "format: csv\n    header: first", "4:13: header must be first-line, or the list of all columns' names"},
		{"format: json", "format: csv\n    delimiter: ab", "4:16: delimiter must be one character, or tab"},
		{"venue: DESK", "venue: &v DESK", "4:12: venue must be one plain value"},
	} {
		text := strings.Replace(right, test.was, test.is, 1)
		if text == right {
			t.Fatalf("%q is not in the mapping", test.was)
		}
		_, err := compile(text)
		var mistake *mapping.Error
		if !errors.As(err, &mistake) || !strings.HasPrefix(err.Error(), test.want) || !strings.HasSuffix(test.want, ": ") && err.Error() != test.want {
			t.Errorf("%s for %s:\n got %v\nwant %s", test.is, test.was, err, test.want)
		}
	}
}

// Whatever stands in a place of a mapping, it is refused with its place or makes a decoder that survives.
func TestAnyMapping(t *testing.T) {
	text, err := os.ReadFile("testdata/mappings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	records := []string{"", "{", "{}", "[[1,2,3]]", `{"type":"trade","s":"A","data":[{"s":"A","b":[[1,2]]}],"ch":"book","ts":1700000000000}`, "a,b,c,d,e,f,g\n1,2,3,4,5,6,7", ";;Q;1;1;1;1"}
	_, body, _ := strings.Cut(string(text), "mappings:\n")
	refused, made := 0, 0
	for _, one := range strings.Split(body, "\n\n") {
		for _, changed := range changes(one) {
			formats, err := compile("mappings:\n" + changed)
			var mistake *mapping.Error
			if errors.As(err, &mistake) {
				if refused++; mistake.Line == 0 {
					t.Fatalf("%v: %s", err, changed)
				}
				continue
			}
			for _, f := range formats {
				made++
				d := f.New(feed.DefaultOptions())
				for _, r := range records {
					var b market.Batch
					if err := d.Decode(&b, &feed.Record{Key: []byte("K"), Value: []byte(r)}); (err == nil) == (len(b.Events) == 0) {
						t.Fatalf("%s becomes %d events and %v by %s", r, len(b.Events), err, changed)
					}
				}
			}
		}
	}
	if refused < 1000 || made < 300 {
		t.Errorf("%d texts were refused and %d mappings made: too few", refused, made)
	}
}

// changes leaves out each line of a mapping, and puts other values into it.
func changes(text string) (all []string) {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		put := func(other string) {
			all = append(all, strings.Join(lines[:i], "")+other+strings.Join(lines[i+1:], ""))
		}
		put("")
		key, _, isKey := strings.Cut(line, ": ")
		for _, value := range []string{"", "1", "-1", "x", "true", "null", "$", "$.a", "[]", "[a, b]", "[null]", "{}", "{a: b}", "{from: x}", "{from: ts, unit: ms}", "{is: A}", "'@key'", "'*'"} {
			if isKey {
				put(key + ": " + value + "\n")
			}
		}
		for j, word := range strings.Fields(line) {
			put(strings.Replace(line, word, []string{"x", "1", "[", "{", "null,"}[j%5], 1))
		}
	}
	return all
}
