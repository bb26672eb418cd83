package mapping_test

import (
	"errors"
	"os"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/mapping"
	"tapedeck/market"
)

// FuzzJSON and FuzzCSV look for records that a mapping's decoder does not survive.
func FuzzJSON(f *testing.F) { feedtest.Fuzz(f, example(f, "desk-books"), "testdata/desk-books") }

func FuzzCSV(f *testing.F) { feedtest.Fuzz(f, example(f, "tape-csv"), "testdata/tape-csv") }

// FuzzMapping changes the text of mappings and a record: a text is refused with a place, or makes decoders that survive.
func FuzzMapping(f *testing.F) {
	for _, name := range []string{"mappings", "binance", "tables"} {
		text, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		for _, record := range []string{
			`{"type":"trade","instr":"BTC_USDT","ts":1700000000123,"px":"1","qty":"2","data":[{"s":"A","k":"t"}],"ch":"mixed"}`,
			"datetime\topen\n1\t2\n", `2023-11-14 22:13:20.123Z,"BTC-USD",1,2,buy,"a ""b""",`,
		} {
			f.Add(string(text), []byte(record))
		}
	}
	f.Add(right, []byte(`{"type":"trade"}`))
	f.Fuzz(func(t *testing.T, text string, record []byte) {
		defer func() {
			if p := recover(); p != nil {
				t.Fatalf("%v", p)
			}
		}()
		formats, err := compile(text)
		var mistake *mapping.Error
		if errors.As(err, &mistake) && (mistake.Line == 0 || mistake.Text == "") {
			t.Fatalf("a mistake without a place: %v", err)
		}
		for _, format := range formats {
			d := format.New(feed.DefaultOptions())
			for range 2 {
				var b market.Batch
				r := &feed.Record{Key: []byte("K"), Value: record}
				err := d.Decode(&b, r)
				var why feed.Reason
				if err != nil && (!errors.As(err, &why) || len(b.Events) > 0) || err == nil && len(b.Events) == 0 {
					t.Fatalf("%q becomes %d events and %v", record, len(b.Events), err)
				}
			}
		}
	})
}
