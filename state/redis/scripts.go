package redis

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"rekey/state"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// The scripts. Each begins with a comment that lists keys, arguments and
// answers.
var (
	createScript    = script("prelude", "append", "create")
	commitScript    = script("prelude", "append", "commit")
	claimScript     = script("prelude", "claim")
	renewScript     = script("prelude", "renew")
	listScript      = script("prelude", "list")
	rowsScript      = script("prelude", "rows")
	deliveredScript = script("prelude", "delivered")
	decideScript    = script("prelude", "decide")
	decidedScript   = script("prelude", "decided")
	hintScript      = script("prelude", "hint")
)

// ErrData is returned when what is stored under a key is not what this
// program writes: another type, a missing field, a number that is none. The
// text names the key.
var ErrData = errors.New("bad stored data")

var errClosed = errors.New("a closed record takes no timer")

// script joins files of the folder lua to one script.
func script(parts ...string) *goredis.Script {
	var text strings.Builder
	for _, part := range parts {
		file, err := luaFiles.ReadFile("lua/" + part + ".lua")
		if err != nil {
			panic(err) // unreachable: the names above are those of the embedded files
		}
		text.Write(file)
	}
	return goredis.NewScript(text.String())
}

// run runs a script and returns what follows the word OK in its answer; any
// other word comes back as the error it stands for. A script the server does
// not know yet is sent in full: it had not run.
func (s *Store) run(ctx context.Context, sc *goredis.Script, keys []key, args ...any) ([]string, error) {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	raw, err := sc.Run(ctx, s.client, names, args...).Slice()
	if err != nil {
		return nil, s.explain(ctx, err, keys...)
	}
	answer, err := texts(raw)
	if err != nil {
		return nil, err
	}
	return meaning(answer)
}

// texts turns an answer into strings. Scripts answer nothing else.
func texts(raw []any) ([]string, error) {
	answer := make([]string, len(raw))
	for i, v := range raw {
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("the script answered a %T at position %d", v, i)
		}
		answer[i] = text
	}
	return answer, nil
}

// meaning tells an answer from an error; see lua/prelude.lua for the words.
func meaning(answer []string) ([]string, error) {
	at := func(i int) string {
		if i < len(answer) {
			return answer[i]
		}
		return ""
	}
	switch at(0) {
	case "OK":
		return answer[1:], nil
	case "LOST":
		return nil, state.ErrLost
	case "HELD":
		_, owner, _ := strings.Cut(at(1), " ")
		return nil, fmt.Errorf("%w: %s", state.ErrHeld, owner)
	case "CONFLICT":
		return nil, fmt.Errorf("%w: it has revision %s", state.ErrConflict, at(1))
	case "MISSING":
		return nil, state.ErrNotFound
	case "EXISTS":
		return nil, state.ErrExists
	case "TAKEN":
		return nil, &state.SlotError{Slot: at(1), Holder: at(2)}
	case "FULL":
		return nil, fmt.Errorf("%w: %s", ErrFull, at(1))
	case "CLOSED":
		return nil, errClosed
	case "BAD":
		return nil, badData(at(1), at(2))
	default:
		return nil, fmt.Errorf("the script answered the unknown word %.40q", at(0))
	}
}

func badData(name, what string) error { return fmt.Errorf("%w: key %s: %s", ErrData, name, what) }

// explain adds to a complaint about a key's type which key it is: the server
// says only that there is one.
func (s *Store) explain(ctx context.Context, err error, keys ...key) error {
	// Inside scripts older servers put their own words before the code.
	if err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		return err
	}
	for _, k := range keys {
		found, typeErr := s.client.Type(ctx, k.name).Result()
		if typeErr == nil && found != "none" && found != k.kind {
			return badData(k.name, "a "+found+" where a "+k.kind+" belongs")
		}
	}
	return fmt.Errorf("%w: %w", ErrData, err)
}
