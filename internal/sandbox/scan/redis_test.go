package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

func TestRedisScansEveryType(t *testing.T) {
	m := miniredis.RunT(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1200 { // more than one page of SCAN
		must(m.Set(fmt.Sprint("filler", i), "nothing here"))
	}
	must(m.Set("string", "x"+value))
	m.HSet("hash-field", value, "x")
	m.HSet("hash-value", "f", value)
	_, err := m.Push("list", "a", "b", value)
	must(err)
	_, err = m.SetAdd("set", value, "x")
	must(err)
	_, err = m.ZAdd("zset", 1, value)
	must(err)
	_, err = m.XAdd("stream", "1-1", []string{"field", value})
	must(err)
	must(m.Set("name:"+value, "x"))
	must(m.Set("empty", ""))

	hits, err := scanner().Redis(t.Context(), "redis://"+m.Addr())
	must(err)
	var where []string
	for _, h := range hits {
		if strings.Contains(h.String(), secretPart) {
			t.Errorf("a hit shows the value: %.30s…", h)
		}
		where = append(where, strings.Fields(h.Where)[2])
	}
	slices.Sort(where)
	want := `["hash-field" "hash-value" "list" "set" "stream" "string" "zset" of]` // "the name of …"
	if got := fmt.Sprint(where); got != want {
		t.Errorf("found in %s, want %s", got, want)
	}
}

func TestRedisAddress(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("pass word")
	if err := m.DB(3).Set("k", value); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]int{"redis://:pass%20word@" + m.Addr() + "/3": 1, "redis://:pass%20word@" + m.Addr(): 0} {
		hits, err := scanner().Redis(t.Context(), address)
		if err != nil || len(hits) != want {
			t.Errorf("%s: %v, %v; want %d", address, hits, err, want)
		}
	}
	for _, address := range []string{"redis://" + m.Addr(), "redis://:wrong@" + m.Addr(), "http://" + m.Addr(), "redis://:pass%20word@" + m.Addr() + "/x"} {
		if _, err := scanner().Redis(t.Context(), address); err == nil {
			t.Errorf("%s: no error", address)
		}
	}
}

func TestRedisEndsWithItsContext(t *testing.T) {
	m := miniredis.RunT(t)
	ctx, cancel := context.WithCancel(t.Context())
	c, stop, err := dial(ctx, "redis://"+m.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	cancel()
	for err == nil { // the connection is closed soon after the context ends
		_, err = c.do("PING")
	}
	if _, err := scanner().Redis(ctx, "redis://"+m.Addr()); !errors.Is(err, context.Canceled) {
		t.Errorf("dialling with an ended context: %v", err)
	}
}
