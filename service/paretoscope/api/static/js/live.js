// The event stream: one connection that comes back by itself and resumes at the last event it saw.
// `onEvent(event)` for each event, `onState(connected)` when the connection comes or goes.

const KINDS = [
  "frame", "progress", "result", "choice", "policy", "class-named", "fault", "gap", "drop", "end", "worker", "scan",
  "pause", "instrument",
];
const RETRY_MS = 1000;

export function listen(onEvent, onState) {
  let lastId = null;
  const open = () => {
    const source = new EventSource(lastId ? `/v1/events?after=${encodeURIComponent(lastId)}` : "/v1/events");
    source.onopen = () => onState(true);
    source.onerror = () => {
      onState(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(open, RETRY_MS); // refused, not merely cut off
    };
    const heard = (message) => {
      lastId = message.lastEventId || lastId;
      onEvent(JSON.parse(message.data));
    };
    for (const kind of KINDS) source.addEventListener(kind, heard);
  };
  open();
}
