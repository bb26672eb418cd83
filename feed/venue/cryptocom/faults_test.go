package cryptocom_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/cryptocom"
)

// exchange writes made books as the venue does: each message says its number and that of the one before, and numbers leap.
type exchange struct {
	number map[string]int
	clock  int
}

func (e *exchange) message(x *feedtest.Exchange, channel, data string) []feed.Record {
	e.clock += 7
	return []feed.Record{{Value: fmt.Appendf(nil,
		`{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":%q,"subscription":"book.%[1]s.%[2]d","channel":%[3]q,"depth":%[2]d,"data":[{%[4]s,"t":%[5]d,"tt":%[5]d,"u":%[6]d,"cs":1522984915}]}}`,
		x.Native, x.Depth, channel, data, 1700000000000+e.clock, e.number[x.Native])}}
}

func (e *exchange) whole(x *feedtest.Exchange) []feed.Record {
	if e.number[x.Native] == 0 {
		e.number[x.Native] = 375554806244928
	}
	bids, asks := x.Book()
	return e.message(x, "book", fmt.Sprintf(`"asks":[%s],"bids":[%s]`, rows(asks), rows(bids)))
}

func (e *exchange) change(x *feedtest.Exchange, bids, asks []feedtest.Rung) []feed.Record {
	was := e.number[x.Native]
	e.number[x.Native]++
	if e.clock%3 == 0 { // it leaps, but not always
		e.number[x.Native] += was * 7919 % 100_000
	}
	return e.message(x, "book.update", fmt.Sprintf(`"update":{"asks":[%s],"bids":[%s]},"pu":%d`, rows(asks), rows(bids), was))
}

// other says that a book is as it was, or tells a trade.
func (e *exchange) other(x *feedtest.Exchange, rng *rand.Rand) []feed.Record {
	if n := e.number[x.Native]; n > 0 && rng.IntN(2) == 0 {
		return e.message(x, "book.update", fmt.Sprintf(`"update":{"asks":[],"bids":[]},"pu":%d`, n))
	}
	return []feed.Record{{Value: fmt.Appendf(nil,
		`{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":%q,"subscription":"trade.%[1]s","channel":"trade","data":[{"d":"%[2]d","t":1700000000462,"p":"37000.5","q":"0.0001","s":"SELL","i":%[1]q,"m":"1"}]}}`,
		x.Native, e.clock)}}
}

func rows(side []feedtest.Rung) string {
	var all []string
	for _, r := range side {
		all = append(all, fmt.Sprintf(`[%q,%q,"2"]`, r.Price, r.Qty))
	}
	return strings.Join(all, ",")
}

// Made books with messages dropped, doubled and swapped. There is no recorded session.
func TestFaults(t *testing.T) {
	spot := feedtest.NewExchange("BTC_USD", 10, 2, 5, 1)
	perpetual := feedtest.NewExchange("BTCUSD-PERP", 50, 1, 4, 2)
	dated := feedtest.NewExchange("BTCUSD-261225", 150, 1, 4, 3)
	e := &exchange{number: map[string]int{}}
	rec := &feedtest.Recording{
		Format: cryptocom.Format, Options: feed.DefaultOptions(),
		Records: feedtest.Made(1, 1500, feedtest.Writer{Whole: e.whole, Change: e.change, Other: e.other, Things: 4}, spot, perpetual, dated),
	}
	if books, _, _ := feedtest.Follow(t, rec, spot, perpetual, dated); books < 1000 {
		t.Errorf("%d messages are of books", books)
	}
	feedtest.Faults(t, rec, 3)
}
