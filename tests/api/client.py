"""A campaign's whole life through a client that was generated from the OpenAPI document; see .ci/client."""

import json
import sys
import time
import urllib.request

place, api, key, provider = sys.argv[1:5]
sys.path.insert(0, place)

from generated import AuthenticatedClient, models  # noqa: E402
from generated.api.campaigns import (  # noqa: E402
    cancel_campaign, create_campaign, estimate_campaign_file, get_campaign, get_campaign_stats, list_recipients,
    pause_campaign, resume_campaign, start_campaign,
)
from generated.api.contacts import import_contacts  # noqa: E402
from generated.api.messages import get_attempt, list_attempts  # noqa: E402
from generated.types import File  # noqa: E402

client = AuthenticatedClient(base_url=api, token=key)
PEOPLE = 60


def done(answer, status=200):
    assert answer.status_code == status, (answer.status_code, answer.content)
    return answer.parsed


def stats():
    return done(get_campaign_stats.sync_detailed("spring", client=client))


def taken(figures):
    return figures.accepted + figures.delivered + figures.read


def until(what, condition):
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit, f"not within two minutes: {what}"
        time.sleep(0.5)


people = "phone,name,locale\n" + "".join(f"6700{nth:05},Ana {nth},en\n" for nth in range(PEOPLE))
imported = done(import_contacts.sync_detailed(client=client, body=File(payload=people.encode()), default_country="CM"))
assert imported.accepted == PEOPLE, imported
file = {"name": "spring", "steps": [{"after": "0h", "text": {"en": "Hello {{name}}"}}]}
estimate = models.EstimateCampaignFileJsonBody.from_dict(file)
assert done(estimate_campaign_file.sync_detailed(client=client, body=estimate)).queued == PEOPLE
made = models.CreateCampaignJsonBody.from_dict(file)
assert done(create_campaign.sync_detailed(client=client, body=made, idempotency_key="once"), 201).planned == PEOPLE
assert done(get_campaign.sync_detailed("spring", client=client)).state == "draft"

done(start_campaign.sync_detailed("spring", client=client, body=models.StartCampaignBody()))
until("two are taken", lambda: taken(stats()) >= 2)
done(pause_campaign.sync_detailed("spring", client=client, body=models.PauseCampaignBody(reason="to look at it")))
until("nothing is on the wire", lambda: stats().sending == 0)
paused = stats()
assert (paused.state, paused.sums_hold) == ("paused", True), paused
with urllib.request.urlopen(provider + "/_sim/count") as count:
    assert json.load(count)["count"] == taken(paused), "what the provider has is what the figures say"
done(resume_campaign.sync_detailed("spring", client=client, body=models.ResumeCampaignBody()))
until("more are taken", lambda: taken(stats()) > taken(paused))
done(cancel_campaign.sync_detailed("spring", client=client, body=models.CancelCampaignBody(reason="enough")))
until("nothing is on the wire", lambda: stats().sending == 0)

ended = stats()
assert ended.state == "cancelled", ended
attempts, page = [], done(list_attempts.sync_detailed(client=client, campaign="spring", limit=2))
while True:
    attempts += page.items
    if not page.next_:
        break
    page = done(list_attempts.sync_detailed(client=client, campaign="spring", limit=2, after=page.next_))
assert len(attempts) == ended.attempts, (len(attempts), ended.attempts)
assert done(get_attempt.sync_detailed(attempts[0].id, client=client)).id == attempts[0].id
assert len(done(list_recipients.sync_detailed("spring", client=client, limit=100)).items) == PEOPLE
refused = done(resume_campaign.sync_detailed("spring", client=client, body=models.ResumeCampaignBody()), 409)
assert refused.code == "refused", refused
print(f"a generated client took a campaign through its life: {ended.attempts} attempts of {PEOPLE} people")
