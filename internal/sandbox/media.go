package sandbox

import (
	"slices"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/r2"
	"rekey/internal/sandbox/scan"
)

// Buckets of the application at R2, by environment.
const (
	StagingBucket    = "shop-media-staging"
	ProductionBucket = "shop-media"
)

// media is what the seed made at R2.
type media struct {
	admin r2.Token
	old   map[string]r2.Token // by environment; nil when nothing uses them
	one   bool
}

// values are the pair that an environment begins with; none when unused.
func (m media) values(environment string) map[string]string {
	t, used := m.old[environment]
	if !used {
		return nil
	}
	return map[string]string{app.MediaKeyID: t.ID, app.MediaKeySecret: t.Secret()}
}

// spread is how late R2's endpoint learns of a change: a minute of the real
// one's, in a world in which minutes last a 200th.
const spread = 300 * time.Millisecond

// seedMedia makes an account with a token for each environment, and some that
// are others'. Keys for both that are the same are one token.
func (w *World) seedMedia(o Options, made time.Time) {
	w.R2 = r2.New(r2.Options{MaxPage: 3, Spread: o.scaled(spread), Window: o.scaled(5 * time.Minute / 200)}, StagingBucket, ProductionBucket, "backups")
	w.media.admin = w.R2.Seed(r2.Token{Name: "rekey", Policies: r2.Administers()}, made)
	w.R2.Seed(r2.Token{Name: AppName, Policies: r2.Grant("backups")}, made)
	w.R2.Seed(r2.Token{Name: "ann's", Policies: r2.Grant(ProductionBucket), Personal: true}, made)
	w.R2.Seed(r2.Token{Name: "last year", Policies: r2.Grant(ProductionBucket), Expires: made.Add(time.Hour)}, made)
	if !slices.Contains(o.Also, app.MediaKeyID) {
		return
	}
	w.media.one = o.OneMedia
	w.R2.Put(StagingBucket, app.MediaObject, "a lighthouse")
	w.R2.Put(ProductionBucket, app.MediaObject, "a lighthouse")
	local := map[string]any{"request_ip": map[string]any{"in": []string{"127.0.0.0/8"}}}
	staging := r2.Token{Name: AppName, Policies: r2.Grant(StagingBucket), Condition: local} // a name is not unique
	production := r2.Token{Name: AppName, Policies: r2.Grant(ProductionBucket), Condition: local}
	if o.OneMedia {
		production.Policies = r2.Grant(StagingBucket, ProductionBucket)
		one := w.R2.Seed(production, made)
		w.media.old = map[string]r2.Token{Staging: one, Production: one}
		return
	}
	w.media.old = map[string]r2.Token{Staging: w.R2.Seed(staging, made), Production: w.R2.Seed(production, made)}
}

// mediaOf is where an environment's application keeps its objects; nowhere when
// unused.
func (w *World) mediaOf(environment string) app.Media {
	switch {
	case w.media.old == nil:
		return app.Media{}
	case environment == Staging:
		return app.Media{Endpoint: w.endpoints.R2, Bucket: StagingBucket}
	default:
		return app.Media{Endpoint: w.endpoints.R2, Bucket: ProductionBucket}
	}
}

// OldMediaKeys are the ids of the tokens of R2 in use when the world began: one
// for both environments, or one each.
func (w *World) OldMediaKeys() []string {
	return slices.Compact([]string{w.media.old[Staging].ID, w.media.old[Production].ID})
}

// PersonalMediaKey is a pair of R2 that works, and belongs to a person.
func (w *World) PersonalMediaKey() (id, secret string) {
	for _, t := range w.R2.Tokens() {
		if t.Personal {
			return t.ID, t.Secret()
		}
	}
	return "", "" // unreachable: the seed makes one
}

// noteMedia notes a change of a token.
func (w *World) noteMedia(m r2.Write) {
	switch {
	case m.Act == r2.Created:
		w.wrote(Create, m.TokenID+" "+m.Name)
	case m.Act == r2.Deleted:
		w.wrote(Delete, m.TokenID)
	case m.Status == r2.Active:
		w.wrote(SwitchOn, m.TokenID)
	default:
		w.wrote(SwitchOff, m.TokenID)
	}
}

// issuedMedia lists what of R2 is secret: values of tokens, and their hashes.
func (w *World) issuedMedia() []scan.Secret {
	var all []scan.Secret
	for _, t := range w.R2.Tokens() {
		all = append(all, scan.Secret{Name: "the value of R2 token " + t.ID, Value: t.Value}, scan.Secret{Name: "the secret of R2 key " + t.ID, Value: t.Secret()})
	}
	return all
}

// isMediaID reports whether a text is the public half of a pair.
func (w *World) isMediaID(text string) bool {
	return slices.ContainsFunc(w.R2.Tokens(), func(t r2.Token) bool { return t.ID == text })
}
