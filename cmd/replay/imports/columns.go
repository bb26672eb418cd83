package imports

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"tapedeck/feed"
	"tapedeck/feed/mapping"
)

// columns says what the columns of a simple table are: what --columns and the flags beside it have.
type columns struct {
	places    [][2]string // name and place, in the order in which they were given
	venue     string
	symbol    string // of all rows, where no column has it
	kind      string
	unit      string // of the time; of Parquet "" where its column says it
	sides     [][2]string
	width     string // of candles
	delimiter string
}

// columnNames are what a column may be.
var columnNames = []string{
	"time", "received", "symbol", "price", "size", "side", "id", "bid", "bid-size", "ask", "ask-size", "open", "high", "low", "close", "volume",
}

func (c *columns) place(name string) string {
	for _, p := range c.places {
		if p[0] == name {
			return p[1]
		}
	}
	return ""
}

// pairs reads WORD=WORD,….
func pairs(list []string) (all [][2]string, err error) {
	for _, word := range list {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("%q is not NAME=VALUE", word)
		}
		all = append(all, [2]string{key, value})
	}
	return all, nil
}

// check says what is wrong with what was given.
func (c *columns) check() error {
	for i, p := range c.places {
		if !slices.Contains(columnNames, p[0]) {
			return fmt.Errorf("a column is none of %s: %s", strings.Join(columnNames, " "), p[0])
		}
		if slices.ContainsFunc(c.places[:i], func(o [2]string) bool { return o[0] == p[0] }) {
			return fmt.Errorf("%s is there twice", p[0])
		}
	}
	switch {
	case c.place("time") == "":
		return errors.New("the time's column is missing: time=COLUMN")
	case c.place("symbol") == "" && c.symbol == "":
		return errors.New("the symbol's column is missing: symbol=COLUMN, or --symbol where all rows are of one")
	case c.venue == "":
		return errors.New("the venue is missing: give it with --venue")
	}
	return nil
}

// numbered reports that all places are numbers of columns: then no line has their names.
func (c *columns) numbered() bool {
	return !slices.ContainsFunc(c.places, func(p [2]string) bool { _, err := strconv.ParseUint(p[1], 10, 16); return err != nil })
}

// mapping is the text of the mapping that the flags stand for. titles are the columns' names; nil where they are known by
// their numbers. Of Parquet, rows are objects.
func (c *columns) mapping(titles []string, objects bool) (string, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	at := func(name string) string { return c.written(name, titles, objects) }
	line("columns:")
	if objects {
		line("  format: json")
	} else {
		line("  format: csv\n  delimiter: %s", strconv.Quote(c.delimiter))
		if titles != nil {
			quoted := make([]string, len(titles))
			for i, t := range titles {
				quoted[i] = strconv.Quote(t)
			}
			line("  header: [%s]", strings.Join(quoted, ", "))
		}
	}
	line("  venue: %s\n  kind: %s", strconv.Quote(c.venue), c.kind)
	if c.place("symbol") != "" {
		line("  symbol: %s", at("symbol"))
	} else {
		line("  symbol: {is: %s}", strconv.Quote(c.symbol))
	}
	line("  time: %s\n  messages:", c.time(at("time")))
	switch {
	case c.place("price") != "" && c.place("size") != "":
		line("    - trade:\n        price: %s\n        size: %s", at("price"), at("size"))
		if c.place("id") != "" {
			line("        id: %s", at("id"))
		}
		if c.place("side") != "" {
			line("        side: %s", c.side(at("side")))
		}
	case c.all("bid", "bid-size", "ask", "ask-size"):
		line("    - quote: {bid: %s, bid-size: %s, ask: %s, ask-size: %s}", at("bid"), at("bid-size"), at("ask"), at("ask-size"))
	case c.all("open", "high", "low", "close", "volume"):
		line("    - candle: {start: %s, width: %s, open: %s, high: %s, low: %s, close: %s, volume: %s, final: true}",
			c.time(at("time")), c.width, at("open"), at("high"), at("low"), at("close"), at("volume"))
	default:
		return "", errors.New("the columns make no event: a trade has price and size, a quote bid, bid-size, ask and ask-size, a candle open, high, low, close and volume")
	}
	return b.String(), nil
}

func (c *columns) all(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return c.place(n) == "" })
}

// written is a place as a mapping has it.
func (c *columns) written(name string, titles []string, objects bool) string {
	p := c.place(name)
	switch {
	case objects:
		return strconv.Quote("[" + strconv.Quote(p) + "]")
	case titles == nil:
		return p
	}
	return strconv.Quote(p)
}

func (c *columns) time(place string) string {
	if strings.Contains(c.unit, "%") {
		return fmt.Sprintf("{from: %s, layout: %s}", place, strconv.Quote(c.unit))
	}
	return fmt.Sprintf("{from: %s, unit: %s}", place, c.unit)
}

func (c *columns) side(place string) string {
	words, said := []string{}, map[string]bool{}
	for _, s := range c.sides {
		words, said[s[0]] = append(words, strconv.Quote(s[0])+": "+s[1]), true
	}
	for _, w := range [...]string{"buy", "Buy", "BUY", "sell", "Sell", "SELL", "unknown"} { // the last as an export has it
		if !said[w] {
			words = append(words, w+": "+strings.ToLower(w))
		}
	}
	return fmt.Sprintf("{from: %s, words: {%s}}", place, strings.Join(words, ", "))
}

// compile makes a format of a mapping.
func compile(text string) (*feed.Format, error) {
	tree, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, err
	}
	var body ast.Node = tree.Docs[0].Body
	formats, err := mapping.Formats(body)
	var mistake *mapping.Error
	if errors.As(err, &mistake) {
		return nil, errors.New(mistake.Error()[len(fmt.Sprintf("%d:%d: ", mistake.Line, mistake.Column)):])
	}
	if err != nil {
		return nil, err
	}
	return formats[0], nil
}
