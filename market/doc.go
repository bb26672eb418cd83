// Package market holds the nouns that every other package speaks in: decimals, symbols,
// events and the bodies that clients are told. It is passive: no goroutine, no clock, no I/O,
// and nothing but the standard library.
//
// Times are int64 microseconds since 1970 (UTC). Three of them exist and are never mixed: the
// venue's (Event.Time; 0 where the venue gave none, never invented), the log's (Kafka's
// timestamp, which an entry of a room carries), and the socket's.
package market
