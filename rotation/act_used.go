package rotation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// bucket is how finely services count at best: what was used in the minute of
// a deployment may have been used before it.
const bucket = time.Minute

// uses asks the service, where it can tell, whether the old credentials were
// used since the deployments that brought the new ones, and whether those were. It is for the people who decide: services count late and not everything,
// so that nothing follows from it by itself. Words, one line for each environment;
// "" where the service does not tell.
func (w *run) uses(ctx context.Context) (string, error) {
	kind, err := w.found(ctx)
	if err != nil {
		return "", err
	}
	usage, tells := kind.(providers.Usage)
	if !tells {
		return "", nil
	}
	var lines []string
	for _, env := range w.r.environments() {
		place, live := w.r.Places[env], w.r.Deploys[env].Live
		if live.IsZero() || env != Production && w.r.Cell.Shared {
			continue // the same credential, and production was deployed last
		}
		since := live.Truncate(bucket).Add(bucket)
		if !since.Before(time.Now()) {
			continue // too early to tell
		}
		line, err := w.used(ctx, usage, place, since)
		if err != nil {
			return "", err
		}
		if !w.r.Cell.Shared {
			line = env + ": " + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), nil
}

func (w *run) used(ctx context.Context, usage providers.Usage, p Place, since time.Time) (string, error) {
	before, err := w.lastUsed(ctx, usage, p.Old.ID, since)
	if err != nil {
		return "", err
	}
	after, err := w.lastUsed(ctx, usage, p.New.ID, since)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("old key %s; new key %s (since %s, after the deployment)", before, after, since.UTC().Format("15:04 UTC")), nil
}

// lastUsed is what a service says of one credential. That it cannot be asked now
// is said, too: nobody may take silence for disuse.
func (w *run) lastUsed(ctx context.Context, usage providers.Usage, id providers.ID, since time.Time) (string, error) {
	at, err := usage.LastUsed(ctx, id, since)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		w.e.config.Log.Warn("asking when a credential was used", "rotation", w.r.ID, "id", string(id), "error", err)
		return "not told: " + strings.ReplaceAll(string(fault.Of(err).Reason), "_", " "), nil
	case at.IsZero():
		return "no use told so far", nil
	default:
		return "used at " + at.UTC().Format("15:04 UTC"), nil
	}
}
