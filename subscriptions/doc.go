// Package subscriptions holds rooms and their readers.
//
// A Room is the recent log of one topic with the folded state in front of it. A reader is a
// Position in it: to read is to be told everything after it or, where that is gone or too much,
// the state. A Hub is one timeline's rooms. A Log is one partition of a source, as rooms see it:
// the one writer of every room that is at home in it. A Desk serves a set of Subscribers: it knows
// what they follow, who is due and what to tell them.
//
// # Concurrency
//
// The package starts no goroutine, reads no clock and does no I/O; time is an argument.
//
//  1. A Log's methods are never called concurrently for one Log; several Logs run side by side.
//  2. A Desk and its Subscribers belong to one goroutine, but for Desk.mark and Desk.born, which
//     publishers call.
//  3. All rooms of one symbol share one lock (listing.mu), so a view (book@20) is published within
//     the same critical section as its base and never runs behind it.
//  4. Lock order: Hub.mu, then listing.mu, then Desk.mu. A Log holds one listing at a time.
//  5. Publishing never waits for a reader and touches a Desk at most once until that Desk has
//     looked, however many follow the room.
package subscriptions
