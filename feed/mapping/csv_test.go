package mapping_test

import (
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/market"
)

// A record may have many lines, with or without the names of its columns before them.
func TestLines(t *testing.T) {
	const header = "datetime\twidth\topen\thigh\tlow\tclose\tvolume\tn\tamount\tdone\n"
	const line = "2023-11-14 22:13:00\t1m\t1\t4\t0.5\t2\t10\t7\t20\t1\n"
	const bar = "candle TAPE BTC-USD start=1699999980000000 width=60000000 o=1 h=4 l=0.5 c=2 v=10 n=7 quoteVolume=20 vwap= final=true\n"
	for _, test := range []struct{ mapping, record, want string }{
		{"bars-csv", header + line, bar},
		{"bars-csv", header + line + "\r\n\n" + line, bar + bar},
		{"bars-csv", "done\tdatetime\twidth\topen\thigh\tlow\tclose\tvolume\tn\tamount\tmore\r\n0\t2023-11-14 22:13:00\t1m\t1\t4\t0.5\t2\t10\t\t\t\r\n",
			"candle TAPE BTC-USD start=1699999980000000 width=60000000 o=1 h=4 l=0.5 c=2 v=10 n=0 quoteVolume= vwap= final=false\n"},
		{"bars-csv", header, "ignored"},
		{"bars-csv", line, "missing_field: line 1: column datetime is not in the record's first line"},
		{"bars-csv", header + line + "2023-11-14 22:13:00\t1m\t1\n", "bad_value: line 3: 3 columns and not 10"},
		{"bars-csv", "datetime\t" + header + line, "bad_value: line 1: column datetime is there twice"},
		{"bars-csv", header + "2023-11-14 22:13:01\t1m\t1\t4\t0.5\t2\t10\t7\t20\t1\n", "bad_value: line 2: column datetime is not where a candle of this width begins"},
		{"bars-csv", header + "2023-11-14 22:13:00\t7m\t1\t4\t0.5\t2\t10\t7\t20\t1\n", "bad_value: line 2: column width is none of the words that stand for a width"},
		{"bars-csv", header + "2023-11-14 22:13:00\t1m\t1\t4\t1.5\t2\t10\t7\t20\t1\n", "bad_value: line 2: column high and column low are not the highest and the lowest"},
		{"bars-csv", "\n\r\n", "empty"},
		{"tape-csv", ",BTC-USD,1,2,,a,\n,BTC-USD,1,2,,b,\"two\nlines\"\n,BTC-USD,1,2,,c,", "trade TAPE BTC-USD id=a px=1 qty=2 side=unknown\n" +
			"trade TAPE BTC-USD id=b px=1 qty=2 side=unknown\n" + "trade TAPE BTC-USD id=c px=1 qty=2 side=unknown\n"},
		{"tape-csv", ",BTC-USD,1,2,,a,\"two\nlines\"\n,BTC-USD,1,x,,b,\n", "bad_value: line 3: column size is no number"},
	} {
		d := example(t, test.mapping).New(feed.DefaultOptions())
		for range 2 { // the second time, the names of the columns are known
			var b market.Batch
			err := d.Decode(&b, &feed.Record{Value: []byte(test.record)})
			got := feedtest.Text(b.Events)
			if err != nil {
				got += err.Error()
			}
			if got != test.want {
				t.Errorf("%q becomes\n%s\nwant\n%s", test.record, got, test.want)
			}
		}
	}
	d := example(t, "bars-csv").New(feed.DefaultOptions())
	r := &feed.Record{Value: []byte(header + line)}
	var b market.Batch
	if n := testing.AllocsPerRun(20, func() { b.Reset(); d.Decode(&b, r) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}
