package venue_test

import "strings"

// Levels as venues write them.
const (
	pairs   = `["PRICE","QTY"]`
	objects = `{"price":PRICE,"qty":QTY}`
)

// samples are the messages of BenchmarkDecoders, by format.
var samples = map[string]*sample{
	"binance": {
		key:   "BTCUSDT",
		trade: `{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000125,"s":"BTCUSDT","t":{n},"p":"37000.01000000","q":"0.00150000","T":1700000000123,"m":true,"M":true}}`,
		first: `{"lastUpdateId":{n},"bids":[{bids}],"asks":[{asks}]}`,
		book:  `{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000200,"s":"BTCUSDT","U":{n},"u":{n},"b":[{bids}],"a":[{asks}]}}`,
		level: `["PRICE0000000","QTY000000"]`,
	},
	"binance-usdm": {
		key:   "BTCUSDT",
		trade: `{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000125,"T":1700000000123,"s":"BTCUSDT","t":{n},"p":"37000.10","q":"0.015","X":"MARKET","m":true}}`,
		first: `{"lastUpdateId":{n},"E":1700000000105,"T":1700000000101,"bids":[{bids}],"asks":[{asks}]}`,
		book:  `{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1700000000200,"T":1700000000195,"s":"BTCUSDT","U":{n},"u":{n},"pu":{p},"b":[{bids}],"a":[{asks}]}}`,
		level: pairs,
	},
	"binance-coinm": {
		trade: `{"stream":"btcusd_perp@trade","data":{"e":"trade","E":1700000000125,"T":1700000000123,"s":"BTCUSD_PERP","t":{n},"p":"37000.1","q":"15","X":"MARKET","m":true}}`,
		first: `{"lastUpdateId":{n},"E":1700000000105,"T":1700000000101,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[{bids}],"asks":[{asks}]}`,
		book:  `{"stream":"btcusd_perp@depth@0ms","data":{"e":"depthUpdate","E":1700000000200,"T":1700000000195,"s":"BTCUSD_PERP","ps":"BTCUSD","U":{n},"u":{n},"pu":{p},"b":[{bids}],"a":[{asks}]}}`,
		level: pairs,
	},
	"bitfinex": {
		before: []string{
			`{"event":"conf","status":"OK","flags":536870912}`,
			`{"event":"subscribed","channel":"book","chanId":1,"symbol":"tBTCUSD","prec":"P0","len":"100"}`,
			`{"event":"subscribed","channel":"trades","chanId":2,"symbol":"tBTCUSD"}`,
		},
		trade: `[2,"te",[{n},1700000000123,0.0015,37000.5]]`,
		first: `[1,[{levels}]]`,
		book:  `[1,[{levels}]]`,
		level: `[PRICE,2,SIDEQTY]`, ask: "-",
	},
	"bitmex": {
		trade: `{"table":"trade","action":"insert","data":[{"timestamp":"2023-11-14T22:13:20.123Z","symbol":"XBTUSD","side":"Sell","size":1500,"price":37380.5,"tickDirection":"MinusTick","trdMatchID":"00000000-006d-1000-0000-00{n}","grossValue":4012800,"homeNotional":0.040128,"foreignNotional":1500,"trdType":"Regular"}]}`,
		first: `{"table":"orderBookL2","action":"partial","data":[{levels}]}`,
		book:  `{"table":"orderBookL2","action":"update","data":[{levels}]}`,
		level: `{"symbol":"XBTUSD","id":ID,"side":"SIDE","size":QTY,"price":PRICE,"timestamp":"2023-11-14T22:13:20.000Z"}`,
		bid:   "Buy", ask: "Sell",
	},
	"cryptocom": {
		trade: `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP","subscription":"trade.BTCUSD-PERP","channel":"trade","data":[{"d":"{n}","t":1700000000462,"p":"37000.5","q":"0.0001","s":"SELL","i":"BTCUSD-PERP","m":"1"}]}}`,
		first: `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP","subscription":"book.BTCUSD-PERP.50","channel":"book","depth":50,"data":[{"asks":[{asks}],"bids":[{bids}],"t":1700000000395,"tt":1700000000346,"u":{n}}]}}`,
		book:  `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP","subscription":"book.BTCUSD-PERP.50","channel":"book.update","depth":50,"data":[{"update":{"asks":[{asks}],"bids":[{bids}]},"t":1700000000659,"tt":1700000000655,"u":{n},"pu":{p},"cs":1522984915}]}}`,
		level: `["PRICE","QTY","2"]`,
	},
	"deribit": {
		trade: `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.raw","data":[{"trade_seq":190000001,"trade_id":"{n}","timestamp":1700000000123,"tick_direction":3,"price":37000.5,"mark_price":37000.42,"instrument_name":"BTC-PERPETUAL","index_price":36990.11,"direction":"sell","contracts":12.0,"amount":120.0}]}}`,
		first: `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms","data":{"type":"snapshot","timestamp":1700000000000,"instrument_name":"BTC-PERPETUAL","change_id":{n},"bids":[{bids}],"asks":[{asks}]}}}`,
		book:  `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms","data":{"type":"change","timestamp":1700000000100,"prev_change_id":{p},"instrument_name":"BTC-PERPETUAL","change_id":{n},"bids":[{bids}],"asks":[{asks}]}}}`,
		level: `["change",PRICE,QTY]`,
	},
	"coinbase": {
		trade: `{"type":"match","trade_id":{n},"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","taker_order_id":"3c82abaa-c01e-4608-be59-6a1e69742891","side":"sell","size":"985","price":"0.00001305","product_id":"BTC-USD","sequence":177100030,"time":"2021-04-17T16:43:37.089723Z"}`,
		first: `{"type":"snapshot","product_id":"BTC-USD","bids":[],"asks":[]}`,
		book:  `{"type":"l2update","product_id":"BTC-USD","changes":[{levels}],"time":"2023-11-14T22:13:20.100000Z"}`,
		level: `["SIDE","PRICE","QTY"]`, bid: "buy", ask: "sell",
	},
	"coinbase-advanced": {
		trade: `{"channel":"market_trades","client_id":"","timestamp":"2023-11-14T22:13:20.100000Z","sequence_num":{n},"events":[{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"22381691","price":"37000.56","size":"0.5","time":"2023-11-14T22:13:20.088388Z","side":"BUY"}]}]}`,
		first: `{"channel":"l2_data","client_id":"","timestamp":"2023-11-14T22:13:20.100000Z","sequence_num":{n},"events":[{"type":"snapshot","product_id":"BTC-USD","updates":[{levels}]}]}`,
		book:  `{"channel":"l2_data","client_id":"","timestamp":"2023-11-14T22:13:20.100000Z","sequence_num":{n},"events":[{"type":"update","product_id":"BTC-USD","updates":[{levels}]}]}`,
		level: `{"side":"SIDE","event_time":"2023-11-14T22:13:20.088388Z","price_level":"PRICE","new_quantity":"QTY"}`, bid: "bid", ask: "offer",
	},
	"hyperliquid": {
		trade: `{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"37000.5","sz":"0.0021","time":1700000000123,"hash":"0xde477894bfb2b4eac0a8041c9228ca013100955485522c8e6e787dfa0077475b","tid":12145{n},"users":["0xe9ed7e16612d676df804f5aecd16e1f9bf9ec9dd","0x6802b4267f7f2bf7003dcf993c51542245b38329"]}]}`,
		book:  `{"channel":"l2Book","data":{"coin":"BTC","time":170{n},"levels":[[{bids}],[{asks}]]}}`,
		level: `{"px":"PRICE","sz":"QTY","n":7}`,
	},
	"kraken": {
		trade: `{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":37000.1,"qty":0.28245396,"ord_type":"market","trade_id":{n},"timestamp":"2023-11-14T22:13:20.826417Z"}]}`,
		first: `{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{bids}],"asks":[{asks}],"checksum":{sum}}]}`,
		book:  `{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{bids}],"asks":[{asks}],"checksum":{sum},"timestamp":"2023-11-14T22:13:21.123456Z"}]}`,
		level: objects,
	},
	"kraken-v1": {
		trade: `[337,[["37000.10000","0.28245396","1700000000.826417","s","l",""]],"trade","XBT/USD"]`,
		first: `[336,{"as":[{asks}],"bs":[{bids}]},"book-100","XBT/USD"]`,
		book:  `[336,{"a":[{asks}]},{"b":[{bids}],"c":"{sum}"},"book-100","XBT/USD"]`,
		level: `["PRICE","QTY","1700000002.123456"]`,
	},
	"kraken-futures": {
		trade: `{"feed":"trade","product_id":"PI_XBTUSD","uid":"e2429e31-8b9d-4195-900e-fd{n}","side":"buy","type":"fill","seq":5956,"time":1700000000946,"qty":320.0,"price":37000.5}`,
		book:  `{"feed":"book_snapshot","product_id":"PI_XBTUSD","timestamp":170{n},"seq":{n},"tickSize":null,"bids":[{bids}],"asks":[{asks}]}`,
		level: objects,
	},
	"okx": {
		trade: `{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"{n}","px":"37000.1","sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3"}]}`,
		first: `{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[{asks}],"bids":[{bids}],"ts":"1700000000000","checksum":0,"prevSeqId":-1,"seqId":{n}}]}`,
		book:  `{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[{asks}],"bids":[{bids}],"ts":"170{n}","checksum":0,"prevSeqId":{p},"seqId":{n}}]}`,
		level: `["PRICE","QTY","0","3"]`,
	},
	"bitstamp": {
		trade: `{"data":{"id":{n},"timestamp":"1641343699","amount":0.0792,"amount_str":"0.07920000","price":3805.44,"price_str":"3805.44","type":0,"microtimestamp":"1641343699596000","buy_order_id":1443875737346049,"sell_order_id":1443875731320832},"channel":"live_trades_ethusd","event":"trade"}`,
		first: `{"data":{"timestamp":"1700000000","microtimestamp":"170{n}000","bids":[{bids}],"asks":[{asks}]},"channel":"order_book_btcusd","event":"data"}`,
		book:  `{"data":{"timestamp":"1700000000","microtimestamp":"170{n}000","bids":[{bids}],"asks":[{asks}]},"channel":"order_book_btcusd","event":"data"}`,
		level: pairs,
	},
	"gemini": {
		trade: `{"type":"trade","symbol":"BTCUSD","event_id":4{n},"timestamp":1624493670759,"price":"37000.46","quantity":"1020.482111","side":"buy"}`,
		first: `{"type":"l2_updates","symbol":"BTCUSD","changes":[{levels}],"trades":[],"auction_events":[]}`,
		book:  `{"type":"l2_updates","symbol":"BTCUSD","changes":[{levels}]}`,
		level: `["SIDE","PRICE","QTY"]`, bid: "buy", ask: "sell",
	},
	"upbit": {
		trade: `{"ty":"trade","cd":"KRW-BTC","tms":1700000000640,"td":"2023-11-14","ttm":"22:13:20","ttms":1700000000123,"tp":48500000.0,"tv":0.00210000,"ab":"BID","pcp":48000000.00000000,"c":"RISE","cp":500000.00000000,"sid":170{n}000,"st":"REALTIME"}`,
		book:  `{"ty":"orderbook","cd":"KRW-BTC","tms":170{n},"tas":25.55420627,"tbs":14.20098682,"obu":[{levels}],"st":"REALTIME"}`,
		pair:  `{"ap":ASK,"bp":BID,"as":SELLS,"bs":BUYS}`,
	},
	"kucoin": {
		trade: `{"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{"makerOrderId":"6720a1c1a0b0c00007f0aaaa","price":"37000.2","sequence":"5008","side":"buy","size":"0.00331","symbol":"BTC-USDT","takerOrderId":"6720a1c1a0b0c00007f0bbbb","time":"1700000000123456789","tradeId":"{n}","type":"match"}}`,
		first: `{"code":"200000","data":{"symbol":"BTC-USDT","time":1700000000200,"sequence":"{n}","bids":[{bids}],"asks":[{asks}]}}`,
		book:  `{"topic":"/market/level2:BTC-USDT","type":"message","subject":"trade.l2update","data":{"changes":{"asks":[{asks}],"bids":[{bids}]},"sequenceEnd":{n},"sequenceStart":{n},"symbol":"BTC-USDT","time":1700000000123}}`,
		level: `["PRICE","QTY","50012"]`,
	},
	"kucoin-futures": {
		trade: `{"topic":"/contractMarket/execution:XBTUSDTM","type":"message","subject":"match","sn":9005,"data":{"symbol":"XBTUSDTM","sequence":9005,"side":"buy","size":5,"price":"37000.5","takerOrderId":"166754573174730752","makerOrderId":"166754559966867456","tradeId":"{n}","ts":1700000000103000000}}`,
		book:  `{"type":"message","topic":"/contractMarket/level2Depth50:XBTUSDTM","subject":"level2","sn":1731680249700,"data":{"bids":[{bids}],"sequence":{n},"timestamp":170{n},"ts":170{n},"asks":[{asks}]}}`,
		level: `["PRICE",QTY]`,
	},
	"gate": {
		key:   "BTC_USDT",
		trade: `{"time":1700000000,"time_ms":1700000000231,"channel":"spot.trades","event":"update","result":{"id":{n},"create_time":1700000000,"create_time_ms":"1700000000213.4578","side":"sell","currency_pair":"BTC_USDT","amount":"0.4700000000","price":"37000.1","range":"2390902-2390902"}}`,
		first: `{"current":1700000000384,"update":1700000000350,"asks":[{asks}],"bids":[{bids}],"id":{n}}`,
		book:  `{"time":1700000000,"time_ms":1700000000133,"channel":"spot.order_book_update","event":"update","result":{"t":1700000000123,"e":"depthUpdate","E":1700000000,"s":"BTC_USDT","U":{n},"u":{n},"b":[{bids}],"a":[{asks}]}}`,
		level: pairs,
	},
	"gate-futures": {
		key:   "BTC_USDT",
		trade: `{"channel":"futures.trades","event":"update","time":1700000000,"time_ms":1700000000123,"result":[{"size":-108,"id":{n},"create_time":1700000000,"create_time_ms":1700000000113,"price":"37000.1","contract":"BTC_USDT"}]}`,
		first: `{"current":1700000000.384,"update":1700000000.35,"asks":[{asks}],"bids":[{bids}],"id":{n}}`,
		book:  `{"time":1700000000,"time_ms":1700000000133,"channel":"futures.order_book_update","event":"update","result":{"t":1700000000123,"s":"BTC_USDT","U":{n},"u":{n},"b":[{bids}],"a":[{asks}],"l":"100"}}`,
		level: `{"p":"PRICE","s":QTY}`,
	},
	"htx": {
		trade: `{"ch":"market.btcusdt.trade.detail","ts":1700000000942,"tick":{"id":{n},"ts":1700000000940,"data":[{"id":100182534526255757567432481,"ts":1700000000940,"tradeId":{n},"amount":0.4700,"price":37000.1,"direction":"buy"}]}}`,
		first: `{"id":"7","rep":"market.btcusdt.mbp.400","status":"ok","data":{"seqNum":{n},"bids":[{bids}],"asks":[{asks}]}}`,
		book:  `{"ch":"market.btcusdt.mbp.400","ts":1700000000679,"tick":{"seqNum":{n},"prevSeqNum":{p},"bids":[{bids}],"asks":[{asks}]}}`,
		level: `[PRICE,QTY]`,
	},
	"htx-swap": {
		trade: `{"ch":"market.BTC-USDT.trade.detail","ts":1700000000942,"tick":{"id":{n},"ts":1700000000940,"data":[{"amount":4,"quantity":0.004,"trade_turnover":148.0004,"ts":1700000000940,"id":{n}0000,"price":37000.1,"direction":"buy"}]}}`,
		first: `{"ch":"market.BTC-USDT.depth.size_150.high_freq","tick":{"asks":[{asks}],"bids":[{bids}],"ch":"market.BTC-USDT.depth.size_150.high_freq","event":"snapshot","id":131597620,"mrid":131597620,"ts":1700000000356,"version":{n}},"ts":1700000000357}`,
		book:  `{"ch":"market.BTC-USDT.depth.size_150.high_freq","tick":{"asks":[{asks}],"bids":[{bids}],"ch":"market.BTC-USDT.depth.size_150.high_freq","event":"update","id":131597620,"mrid":131597620,"ts":1700000000386,"version":{n}},"ts":1700000000387}`,
		level: `[PRICE,QTY]`,
	},
	"bybit-spot":    bybit("BTCUSDT"),
	"bybit-linear":  bybit("BTCUSDT"),
	"bybit-inverse": bybit("BTCUSD"),
	"bybit-option":  bybit("BTC-30JUN23-40000-C"),
	"bitget":        bitget("SPOT", "BTCUSDT"),
	"bitget-usdt":   bitget("USDT-FUTURES", "BTCUSDT"),
	"bitget-usdc":   bitget("USDC-FUTURES", "BTCPERP"),
	"bitget-coin":   bitget("COIN-FUTURES", "BTCUSD"),
	"tick": {
		trade: `{"t":"trade","venue":"KRAKEN","symbol":"BTC-USD","ts":1700000000123456,"id":"{n}","px":"37000.1","qty":"0.25","side":"buy"}`,
		first: `{"t":"book","venue":"KRAKEN","symbol":"BTC-USD","ts":1700000000123456,"snapshot":true,"seq":{n},"bids":[{bids}],"asks":[{asks}]}`,
		book:  `{"t":"book","venue":"KRAKEN","symbol":"BTC-USD","ts":1700000000123456,"seq":{n},"prev":{p},"bids":[{bids}],"asks":[{asks}]}`,
		level: pairs,
	},
}

func bybit(symbol string) *sample {
	named := strings.NewReplacer("SYMBOL", symbol)
	return &sample{
		trade: named.Replace(`{"topic":"publicTrade.SYMBOL","type":"snapshot","ts":1700000000101,"data":[{"T":1700000000099,"s":"SYMBOL","S":"Sell","v":"0.001","p":"37000.10","L":"ZeroMinusTick","i":"20f43950-d8dd-5b31-9112-a1{n}","BT":false,"RPI":true,"seq":1783284617}]}`),
		first: named.Replace(`{"topic":"orderbook.500.SYMBOL","type":"snapshot","ts":1700000000100,"data":{"s":"SYMBOL","b":[{bids}],"a":[{asks}],"u":{n},"seq":7961638723},"cts":1700000000095}`),
		book:  named.Replace(`{"topic":"orderbook.500.SYMBOL","type":"delta","ts":1700000000200,"data":{"s":"SYMBOL","b":[{bids}],"a":[{asks}],"u":{n},"seq":7961638724},"cts":1700000000195}`),
		level: pairs,
	}
}

func bitget(kind, symbol string) *sample {
	named := strings.NewReplacer("KIND", kind, "SYMBOL", symbol)
	return &sample{
		trade: named.Replace(`{"action":"update","arg":{"instType":"KIND","channel":"trade","instId":"SYMBOL"},"data":[{"ts":"1700000000202","price":"37000.2","size":"0.013","side":"sell","tradeId":"111111111{n}"}],"ts":1700000000205}`),
		first: named.Replace(`{"action":"snapshot","arg":{"instType":"KIND","channel":"books","instId":"SYMBOL"},"data":[{"asks":[{asks}],"bids":[{bids}],"checksum":0,"seq":{n},"ts":"1700000000300"}],"ts":1700000000303}`),
		book:  named.Replace(`{"action":"update","arg":{"instType":"KIND","channel":"books","instId":"SYMBOL"},"data":[{"asks":[{asks}],"bids":[{bids}],"checksum":0,"seq":{n},"ts":"170{n}"}],"ts":1700000000303}`),
		level: pairs,
	}
}
