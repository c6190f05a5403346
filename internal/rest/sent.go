package rest

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// sent follows a request far enough to know whether the service can have seen
// any of it. Its fields are set by net/http's own goroutines.
type sent struct {
	looked    atomic.Bool // a connection was asked for: the transport reports to us
	connected atomic.Bool // one was had, so bytes may have left
}

func watched(ctx context.Context) (context.Context, *sent) {
	w := &sent{}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.looked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.connected.Store(true) },
	}), w
}

// neverSent reports failures before the first byte of the request: address,
// connection, TLS. A transport that does not report (not net/http's own) is
// believed only when it says that dialling failed.
func (w *sent) neverSent(err error) bool {
	if w.looked.Load() {
		return !w.connected.Load()
	}
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}
