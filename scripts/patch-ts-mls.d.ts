export function patchTsMls(root: string): "patched" | "already patched";
export function unpatched(patched: string): string;
