package kraken_test

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/kraken"
)

// writer writes made books as v2 does: each message with the checksum of the ten best levels a side.
type writer struct{ sent, trades int }

func (e *writer) clock() string {
	e.sent++
	return fmt.Sprintf("2023-11-14T22:%02d:%02d.%06dZ", 13+e.sent/60000%40, e.sent/1000%60, e.sent%1000*1000)
}

func (e *writer) whole(x *feedtest.Exchange) []feed.Record {
	answer := fmt.Appendf(nil, `{"method":"subscribe","result":{"channel":"book","depth":%d,"snapshot":true,"symbol":%q},"success":true,"time_in":"2023-11-14T22:13:20.000000Z","time_out":"2023-11-14T22:13:20.000100Z"}`, x.Depth, x.Native)
	bids, asks := x.Book()
	return []feed.Record{{Value: answer}, e.message("snapshot", x, bids, asks)}
}

// change writes a change; of one that is of a single level, now and then what it was in between too: the last counts.
func (e *writer) change(x *feedtest.Exchange, bids, asks []feedtest.Rung) []feed.Record {
	if len(bids) == 1 && e.sent%4 == 0 {
		bids = []feedtest.Rung{{Price: bids[0].Price, Qty: "0.77700000"}, bids[0]}
	}
	return []feed.Record{e.message("update", x, bids, asks)}
}

func (e *writer) message(kind string, x *feedtest.Exchange, bids, asks []feedtest.Rung) feed.Record {
	return feed.Record{Value: fmt.Appendf(nil, `{"channel":"book","type":%q,"data":[{"symbol":%q,"bids":[%s],"asks":[%s],"checksum":%d,"timestamp":%q}]}`,
		kind, x.Native, objects(bids), objects(asks), checksum(x), e.clock())}
}

func objects(side []feedtest.Rung) string {
	var all []string
	for _, r := range side {
		all = append(all, fmt.Sprintf(`{"price":%s,"qty":%s}`, r.Price, r.Qty))
	}
	return strings.Join(all, ",")
}

// checksum is the venue's, by its guide: "remove the decimal character, then all leading zero characters" of price and
// quantity, asks first, each side from its best level on.
func checksum(x *feedtest.Exchange) uint32 {
	bids, asks := x.Book()
	text := ""
	for _, side := range [][]feedtest.Rung{asks[:min(10, len(asks))], bids[:min(10, len(bids))]} {
		for _, r := range side {
			for _, number := range []string{r.Price, r.Qty} {
				text += strings.TrimLeft(strings.ReplaceAll(number, ".", ""), "0")
			}
		}
	}
	return crc32.ChecksumIEEE([]byte(text))
}

func (e *writer) other(x *feedtest.Exchange, rng *rand.Rand) []feed.Record {
	if rng.IntN(2) == 0 {
		return []feed.Record{{Value: []byte(`{"channel":"heartbeat"}`)}}
	}
	e.trades++
	return []feed.Record{{Value: fmt.Appendf(nil, `{"channel":"trade","type":"update","data":[{"symbol":%q,"side":"sell","price":37000.1,"qty":0.28245396,"ord_type":"market","trade_id":%d,"timestamp":%q}]}`,
		x.Native, e.trades, e.clock())}}
}

// Made books of v2, of which there is no recorded session, with messages dropped, doubled and swapped: with the depth of
// ten the checksum is of the whole book, with more it sees the ten best levels.
func TestFaultsV2(t *testing.T) {
	for _, depth := range []int{10, 100} {
		btc := feedtest.NewExchange("BTC/USD", depth, 1, 8, 1)
		eth := feedtest.NewExchange("ETH/USD", depth, 2, 8, 2)
		doge := feedtest.NewExchange("DOGE/USD", depth, 7, 8, 3) // under 1: with zeros before the digits
		e := &writer{}
		rec := &feedtest.Recording{
			Format: kraken.V2, Options: feed.DefaultOptions(), Sight: feedtest.AtChecks, Levels: 10,
			Records: feedtest.Made(1, 1500, feedtest.Writer{Whole: e.whole, Change: e.change, Other: e.other, Things: 4}, btc, eth, doge),
		}
		books, checks, _ := feedtest.Follow(t, rec, btc, eth, doge)
		if books != checks || books < 1000 {
			t.Errorf("depth %d: %d checksums are right, of %d", depth, checks, books)
		}
		feedtest.Faults(t, rec, 3)
	}
}
