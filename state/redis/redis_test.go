package redis_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"rekey/state/redis"
	"rekey/state/statetest"
)

func open(t testing.TB, cfg redis.Config) *redis.Store {
	t.Helper()
	if cfg.Installation == "" {
		cfg.Installation = "test"
	}
	s, err := redis.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestMiniredis(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Backend {
		server := miniredis.RunT(t)
		return statetest.Backend{
			Open:   func(t *testing.T) statetest.Store { return open(t, redis.Config{Addr: server.Addr()}) },
			Elapse: func(_ *testing.T, d time.Duration) { server.FastForward(d) },
			Damage: damage(server.Addr()),
			Limits: statetest.Limits{Closed: redis.MaxClosed},
		}
	})
}

func TestRealServer(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Backend {
		server := statetest.NewServer(t)
		return statetest.Backend{
			Open: func(t *testing.T) statetest.Store {
				return open(t, redis.Config{Addr: server.Addr, Backoff: time.Second})
			},
			Elapse: func(t *testing.T, d time.Duration) { elapse(t, server.Addr, d) },
			Damage: damage(server.Addr),
			Crash: func(t *testing.T) {
				server.Kill(t)
				server.Start(t)
			},
			Limits: statetest.Limits{Closed: redis.MaxClosed},
		}
	})
}

// damage spoils records in turn: a field is missing, nothing is there, another
// type is there, a field is not what this program writes.
func damage(addr string) func(t *testing.T, k string) {
	n := 0
	return func(t *testing.T, k string) {
		t.Helper()
		name := tag + "record:" + k
		spoil := [][]any{{"HDEL", name, "body"}, {"DEL", name}, {"SET", name, "x"}, {"HSET", name, "revision", "two"}}[n%4]
		n++
		c := client(t, addr)
		if spoil[0] == "SET" {
			c.Del(t.Context(), name)
		}
		if err := c.Do(t.Context(), spoil...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// elapse lets the server itself say when the time is over: it waits for an
// element of a list that nobody fills.
func elapse(t *testing.T, addr string, d time.Duration) {
	t.Helper()
	c := client(t, addr)
	if err := c.Do(t.Context(), "BLPOP", "nobody-fills-this", d.Seconds()).Err(); err != goredis.Nil {
		t.Fatalf("waiting at the server: %v", err)
	}
}

// client is a bare client, to look at what is stored and to spoil it.
func client(t testing.TB, addr string) *goredis.Client {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestOpenRefuses(t *testing.T) {
	server := miniredis.RunT(t)
	good := redis.Config{Addr: server.Addr(), Installation: "test"}
	for name, spoil := range map[string]func(c *redis.Config){
		"no installation": func(c *redis.Config) { c.Installation = "" },
		"a brace":         func(c *redis.Config) { c.Installation = "a}b" },
		"upper case":      func(c *redis.Config) { c.Installation = "Prod" },
		"no port":         func(c *redis.Config) { c.Addr = "localhost" },
		"database -1":     func(c *redis.Config) { c.DB = -1 },
		"negative wait":   func(c *redis.Config) { c.Timeout = -1 },
		"TLS to a server that speaks none": func(c *redis.Config) {
			c.TLS = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			spoil(&cfg)
			s, err := redis.Open(t.Context(), cfg)
			if err == nil {
				t.Error("opened", s.Close())
			}
		})
	}
	server.Close()
	if _, err := redis.Open(t.Context(), good); err == nil || !strings.Contains(err.Error(), good.Addr) {
		t.Errorf("opening without a server: %v; the address is missing", err)
	}
}

func TestPasswordOfTheServer(t *testing.T) {
	const password = "correct-horse-battery"
	server := miniredis.RunT(t)
	server.RequireAuth(password)
	open(t, redis.Config{Addr: server.Addr(), Password: redis.NewPassword(password)})
	_, err := redis.Open(t.Context(), redis.Config{
		Addr: server.Addr(), Installation: "test", Password: redis.NewPassword(password + "-wrong"),
	})
	if err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("opening with a wrong password: %v", err)
	}
}

func TestLayout(t *testing.T) {
	server := miniredis.RunT(t)
	cfg := redis.Config{Addr: server.Addr(), Installation: "test"}
	open(t, cfg)
	open(t, cfg) // the second replica finds what the first wrote
	if err := server.Set("{rekey:test}:layout", "2"); err != nil {
		t.Fatal(err)
	}
	if _, err := redis.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "layout") {
		t.Errorf("opening data of a later layout: %v", err)
	}
}

func TestCloseEndsWakes(t *testing.T) {
	server := miniredis.RunT(t)
	s, err := redis.Open(t.Context(), redis.Config{Addr: server.Addr(), Installation: "test"})
	if err != nil {
		t.Fatal(err)
	}
	signals, err := s.Wakes(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	news, err := s.News(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range signals { // the one of the subscription, then closed
	}
	for range news {
	}
	if _, err := s.Wakes(context.Background()); err == nil {
		t.Error("a closed store listens for wake-ups")
	}
	if _, err := s.News(context.Background()); err == nil {
		t.Error("a closed store listens for news")
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}
