/** Lets waiting messages (a cancel, a query) run before the caller goes on. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    // A timer would be clamped to 4 ms in a worker; a message is not.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
