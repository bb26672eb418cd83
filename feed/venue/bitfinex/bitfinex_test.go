package bitfinex_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/bitfinex"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func TestSymbols(t *testing.T) {
	for _, test := range []struct {
		native, name, base, quote string
		kind                      market.Kind
	}{
		{"tBTCUSD", "BTC-USD", "BTC", "USD", market.Spot},
		{"tBTCUST", "BTC-USDT", "BTC", "USDT", market.Spot},
		{"tUSTUSD", "USDT-USD", "USDT", "USD", market.Spot},
		{"tDOGE:USD", "DOGE-USD", "DOGE", "USD", market.Spot},
		{"tTESTBTC:TESTUSD", "TESTBTC-TESTUSD", "TESTBTC", "TESTUSD", market.Spot},
		{"tBTCF0:USTF0", "tBTCF0:USTF0", "BTC", "USDT", market.Perpetual},
		{"tBTCDOMF0:USTF0", "tBTCDOMF0:USTF0", "BTCDOM", "USDT", market.Perpetual},
		{"tABCDE", "tABCDE", "", "", market.Spot},
	} {
		want := market.Symbol{Venue: "BITFINEX", Name: test.name, Native: test.native, Base: test.base, Quote: test.quote, Kind: test.kind}
		if got, err := symbolOf(test.native); got != want {
			t.Errorf("%s is %+v, %v, want %+v", test.native, got, err, want)
		}
	}
	for _, native := range []string{"t", "BTCUSD", "t:USD", "tBTC:", "tA:B:C", "tBTC USD", "tBTC-USD"} {
		if got, err := symbolOf(native); !errors.Is(err, feed.BadSymbol) {
			t.Errorf("%q was taken as %+v, %v", native, got, err)
		}
	}
}

func symbolOf(native string) (market.Symbol, error) {
	d := bitfinex.Format.New(feed.DefaultOptions())
	var b market.Batch
	answer := fmt.Appendf(nil, `{"event":"subscribed","channel":"trades","chanId":1,"symbol":%q}`, native)
	if err := d.Decode(&b, &feed.Record{Value: answer}); !errors.Is(err, feed.Ignored) {
		return market.Symbol{}, err
	}
	if err := d.Decode(&b, &feed.Record{Value: []byte(`[1,"te",[1,1700000000000,1,1]]`)}); err != nil {
		return market.Symbol{}, err
	}
	return *b.Events[0].Symbol, nil
}

// script writes a number as JavaScript does, by way of a float.
func script(text string) string {
	f, _ := strconv.ParseFloat(text, 64)
	if f < 1e-6 && f > -1e-6 && f != 0 {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e-0")
		return mantissa + "e-" + exponent
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// A book that has the venue's checksum stays good, one that has not breaks, and after a hole one that covers all
// of it proves it.
func TestChecksum(t *testing.T) {
	bids := [][2]string{{"37000", "0.5"}, {"36999.5", "1.25"}, {"0.00002503", "6.9e-7"}, {"0.0000005", "3e-8"}}
	asks := [][2]string{{"37001", "1e-7"}, {"37002.5", "12345.678"}}
	var list, sums []string
	for i := range max(len(bids), len(asks)) {
		if i < len(bids) {
			list = append(list, "["+bids[i][0]+",1,"+bids[i][1]+"]")
			sums = append(sums, script(bids[i][0]), script(bids[i][1]))
		}
		if i < len(asks) {
			list = append(list, "["+asks[i][0]+",1,-"+asks[i][1]+"]")
			sums = append(sums, script(asks[i][0]), script("-"+asks[i][1]))
		}
	}
	if want := "37000:0.5:37001:-1e-7:36999.5:1.25:37002.5:-12345.678:0.00002503:6.9e-7:5e-7:3e-8"; strings.Join(sums, ":") != want {
		t.Fatalf("the sum is of %s, want %s", strings.Join(sums, ":"), want)
	}
	sum := int32(crc32.ChecksumIEEE([]byte(strings.Join(sums, ":"))))

	d := bitfinex.Format.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
	for i, test := range []struct {
		message string
		good    bool
	}{
		{`{"event":"subscribed","channel":"book","chanId":1,"symbol":"tBTCUSD","prec":"P0","len":"25"}`, true},
		{`[1,[` + strings.Join(list, ",") + `],1]`, true},
		{fmt.Sprintf(`[1,"cs",%d,2]`, sum), true},
		{fmt.Sprintf(`[1,"cs",%d,4]`, sum), true}, // 3 is missing, and was not of this book
		{`[1,[36998,1,1],6]`, false},
		{fmt.Sprintf(`[1,"cs",%d,7]`, sum+1), false},
		{`[1,[` + strings.Join(list, ",") + `],8]`, true},
		{fmt.Sprintf(`[1,"cs",%d,9]`, sum), true},
		{`[1,[36998,1,1],10]`, true},
		{fmt.Sprintf(`[1,"cs",%d,11]`, sum), false},
	} {
		var b market.Batch
		if err := d.Decode(&b, &feed.Record{Value: []byte(test.message)}); err != nil && !errors.Is(err, feed.Ignored) {
			t.Fatal(err)
		}
		for i := range b.Events {
			if _, gap := b.Events[i].Payload.(*market.Gap); gap {
				book.Lose()
			}
			book.Apply(&b.Events[i], snapshot.Cause{})
		}
		if book.Good() != test.good {
			t.Errorf("after message %d the book is good: %v", i+1, book.Good())
		}
	}
}

// What is kept of connections is bounded: the one that was not heard of for longest is forgotten, and its channels
// have no names any more.
func TestConnectionsAreBounded(t *testing.T) {
	const most = 1024
	d := bitfinex.Format.New(feed.DefaultOptions())
	send := func(key int, value string) error {
		var b market.Batch
		return d.Decode(&b, &feed.Record{Key: fmt.Append(nil, key), Value: []byte(value)})
	}
	const answer, trade = `{"event":"subscribed","channel":"trades","chanId":1,"symbol":"tBTCUSD"}`, `[1,"te",[1,1700000000000,1,1]]`
	for key := range most {
		if err := send(key, answer); !errors.Is(err, feed.Ignored) {
			t.Fatal(err)
		}
	}
	for _, key := range []int{0, most - 1} {
		if err := send(key, trade); err != nil {
			t.Errorf("connection %d: %v", key, err)
		}
	}
	if err := send(most, answer); !errors.Is(err, feed.Ignored) {
		t.Fatal(err)
	}
	for key, want := range map[int]error{0: nil, most - 1: nil, most: nil, 1: feed.MissingField} {
		if err := send(key, trade); !errors.Is(err, want) {
			t.Errorf("connection %d: %v, want %v", key, err, want)
		}
	}
	for number := range most {
		if err := send(0, strings.Replace(answer, `"chanId":1`, fmt.Sprintf(`"chanId":%d`, number), 1)); !errors.Is(err, feed.Ignored) {
			t.Fatal(err)
		}
	}
	if err := send(0, strings.Replace(answer, `"chanId":1`, `"chanId":5000`, 1)); !errors.Is(err, feed.BadValue) {
		t.Errorf("one channel too many: %v", err)
	}
}
