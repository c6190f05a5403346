package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"rekey/rotation"
)

// waits reports that what was asked for comes after an emergency that is open: that
// of the other environment's own key. A drill, and an outage on purpose, are asked for
// again.
func (a alarm) waits(err error) bool {
	var refusal *rotation.Refusal
	if !errors.As(err, &refusal) || refusal.Code != rotation.AlreadyRunning || refusal.Other == nil || a.first || a.drill {
		return false
	}
	other := refusal.Other
	return other.Cell.Mode == rotation.Emergency && !other.Drill && other.Secret == a.name && !other.Covers(a.env)
}

// behind has an emergency begin as soon as that of the other environment is over.
func (h *Handler) behind(ctx context.Context, q Request, a alarm) Reply {
	env := cmp.Or(a.env, rotation.Production)
	b, err := h.engine.StartBatch(ctx, rotation.Alarm{Secret: a.name, Environment: env, Requester: q.Person, Reason: a.reason, Exposed: a.since})
	if err != nil {
		return failed(fmt.Errorf("having an emergency of %s in %s wait: %w", a.name, env, err))
	}
	next := "The emergency of the other environment's key is open, and two at once would disturb one another: " + env + "'s begins by itself as soon as that one is over. A message in the channel shows it."
	return Reply{
		Title: "Emergency of " + b.Whole() + " waits", Text: next, Paragraphs: []string{next},
		Notes: append([]string{fmt.Sprintf("Batch `%s`. `/rotate status` asks; `/rotate cancel %s` calls it off, and cancels what is open of %s, too.", b.ID, a.name, a.name)}, a.remarks()...),
	}
}

// cutEnv takes `--env ENVIRONMENT` out of a line, wherever it stands.
func cutEnv(text string) (rest, env string, m *misfit) {
	fields := strings.Fields(visible(text))
	var kept []string
	for i := 0; i < len(fields); i++ {
		name, given, here := valued(fields[i], "env")
		switch {
		case !here:
			kept = append(kept, fields[i])
			continue
		case env != "":
			return text, env, &misfit{"`--env` stands there twice.", "Say it once; each environment is rotated by itself."}
		case !given && i+1 < len(fields):
			i++
			name = fields[i]
		}
		switch env = strings.ToLower(strings.Trim(name, quotes)); env {
		case rotation.Staging, rotation.Production:
		default:
			return text, "", &misfit{"`--env` says whose own key leaked: `staging` or `production`.", "Try `--env staging`."}
		}
	}
	return strings.Join(kept, " "), env, nil
}

// valued reports a flag of a name, and what stands behind its "=" where it has
// one.
func valued(word, flag string) (value string, given, here bool) {
	_, flags := split(word)
	if len(flags) != 1 {
		return "", false, false
	}
	name, value, given := strings.Cut(strings.TrimLeft(flags[0], "-"), "=")
	return value, given, strings.EqualFold(name, flag)
}
