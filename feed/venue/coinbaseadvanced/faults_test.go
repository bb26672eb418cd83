package coinbaseadvanced_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/coinbaseadvanced"
)

// exchange writes made books as the venue does, on connections each of which counts all of its messages.
type exchange struct {
	connection map[string]string // by product
	sent       map[string]int    // by connection
	clock      int
}

func (e *exchange) message(x *feedtest.Exchange, channel, events string) []feed.Record {
	key := e.connection[x.Native]
	e.clock++
	value := fmt.Appendf(nil, `{"channel":%q,"client_id":"","timestamp":"2023-11-14T22:%02d:%02d.%03d964855Z","sequence_num":%d,"events":[%s]}`,
		channel, 13+e.clock/60000%40, e.clock/1000%60, e.clock%1000, e.sent[key], events)
	e.sent[key]++
	return []feed.Record{{Key: []byte(key), Value: value}}
}

func (e *exchange) book(x *feedtest.Exchange, kind string, bids, asks []feedtest.Rung) []feed.Record {
	var updates []string
	for side, rungs := range map[string][]feedtest.Rung{"bid": bids, "offer": asks} {
		for _, r := range rungs {
			updates = append(updates, fmt.Sprintf(`{"side":%q,"event_time":"2023-11-14T22:13:20.9Z","price_level":%q,"new_quantity":%q}`, side, r.Price, r.Qty))
		}
	}
	return e.message(x, "l2_data", fmt.Sprintf(`{"type":%q,"product_id":%q,"updates":[%s]}`, kind, x.Native, strings.Join(updates, ",")))
}

func (e *exchange) other(x *feedtest.Exchange, rng *rand.Rand) []feed.Record {
	if rng.IntN(2) == 0 {
		return e.message(x, "heartbeats", fmt.Sprintf(`{"current_time":"2023-11-14 22:13:20.9 +0000 UTC m=+1.1","heartbeat_counter":%d}`, e.clock))
	}
	return e.message(x, "market_trades", fmt.Sprintf(
		`{"type":"update","trades":[{"product_id":%q,"trade_id":"%d","price":"37000.56","size":"0.5","time":"2023-11-14T22:13:20.088388Z","side":"BUY"}]}`, x.Native, e.clock))
}

// Made books of two connections, with messages dropped, doubled and swapped. There is no recorded session.
func TestFaultsOfMadeBooks(t *testing.T) {
	btc := feedtest.NewExchange("BTC-USD", 0, 2, 8, 1)
	eth := feedtest.NewExchange("ETH-USD", 0, 2, 8, 2)
	sol := feedtest.NewExchange("SOL-USD", 0, 2, 8, 3)
	e := &exchange{connection: map[string]string{"BTC-USD": "a", "ETH-USD": "a", "SOL-USD": "b"}, sent: map[string]int{}}
	w := feedtest.Writer{
		Whole: func(x *feedtest.Exchange) []feed.Record {
			bids, asks := x.Book()
			return e.book(x, "snapshot", bids, asks)
		},
		Change: func(x *feedtest.Exchange, bids, asks []feedtest.Rung) []feed.Record {
			return e.book(x, "update", bids, asks)
		},
		Other: e.other, Things: 3,
	}
	rec := &feedtest.Recording{Format: coinbaseadvanced.Format, Options: feed.DefaultOptions(), Records: feedtest.Made(1, 1500, w, btc, eth, sol)}
	if books, _, _ := feedtest.Follow(t, rec, btc, eth, sol); books < 1000 {
		t.Errorf("%d messages are of books", books)
	}
	feedtest.Faults(t, rec, 3)
}
