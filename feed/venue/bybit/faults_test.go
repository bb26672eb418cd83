package bybit_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bybit"
)

// exchange writes made books as the venue does: a message's number is the one before plus one, and is 1 again when
// the service began anew, which is told by a whole book.
type exchange struct {
	number map[string]int
	clock  int
	whole  int // books that were sent whole
}

func (e *exchange) message(x *feedtest.Exchange, kind string, bids, asks []feedtest.Rung) []feed.Record {
	e.clock += 20
	return []feed.Record{{Value: fmt.Appendf(nil, `{"topic":"orderbook.%d.%s","type":%q,"ts":%d,"data":{"s":%[2]q,"b":[%[5]s],"a":[%[6]s],"u":%[7]d,"seq":%[8]d},"cts":%[4]d}`,
		x.Depth, x.Native, kind, 1700000000000+e.clock, texts(bids), texts(asks), e.number[x.Native], 7961638000+e.clock)}}
}

func (e *exchange) snapshot(x *feedtest.Exchange) []feed.Record {
	switch e.whole++; {
	case e.number[x.Native] == 0:
		e.number[x.Native] = 462748
	case e.whole%3 == 0:
		e.number[x.Native] = 1
		x.Next(5) // which nobody was told
	}
	bids, asks := x.Book()
	return e.message(x, "snapshot", bids, asks)
}

func (e *exchange) change(x *feedtest.Exchange, bids, asks []feedtest.Rung) []feed.Record {
	e.number[x.Native]++
	return e.message(x, "delta", bids, asks)
}

// trade writes a trade, whose topic is a coin for options.
func (e *exchange) trade(x *feedtest.Exchange, _ *rand.Rand) []feed.Record {
	return []feed.Record{{Value: fmt.Appendf(nil,
		`{"topic":"publicTrade.BTC","type":"snapshot","ts":1700000000101,"data":[{"T":1700000000099,"s":%q,"S":"Sell","v":"1","p":"37000.10","L":"ZeroMinusTick","i":"20f43950-d8dd-5b31-9112-%012d","BT":false}]}`, x.Native, e.clock)}}
}

func texts(side []feedtest.Rung) (all string) {
	for i, r := range side {
		if i > 0 {
			all += ","
		}
		all += fmt.Sprintf(`[%q,%q]`, r.Price, r.Qty)
	}
	return all
}

// Made books with messages dropped, doubled and swapped, of markets of which there is no recorded session.
func TestFaultsOfMadeBooks(t *testing.T) {
	for format, exchanges := range map[*feed.Format][]*feedtest.Exchange{
		bybit.Inverse: {feedtest.NewExchange("BTCUSD", 50, 2, 0, 1), feedtest.NewExchange("BTCUSDM25", 200, 2, 0, 2), feedtest.NewExchange("ETHUSD", 500, 2, 0, 3)},
		bybit.Option: {
			feedtest.NewExchange("BTC-29DEC23-40000-C", 25, 0, 2, 1), feedtest.NewExchange("BTC-29DEC23-40000-P", 100, 0, 2, 2),
			feedtest.NewExchange("BTC-27JUN25-90000-C-USDT", 25, 0, 2, 3),
		},
	} {
		t.Run(format.Name, func(t *testing.T) {
			e := &exchange{number: map[string]int{}}
			w := feedtest.Writer{Whole: e.snapshot, Change: e.change, Other: e.trade, Things: 4}
			rec := &feedtest.Recording{Format: format, Options: feed.DefaultOptions(), Records: feedtest.Made(1, 1500, w, exchanges...)}
			if books, _, passed := feedtest.Follow(t, rec, exchanges...); books < 1000 || passed > 0 {
				t.Errorf("%d messages are of books, %d are passed over", books, passed)
			}
			feedtest.Faults(t, rec, 3)
		})
	}
}
